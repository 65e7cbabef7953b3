package audit

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

// The form is fixed: a checkpoint signed today must verify with every later version.
func TestCheckpointTextIsFixed(t *testing.T) {
	old := Checkpoint{Seq: 100, Head: strings.Repeat("ab", 32), At: time.Date(2026, 3, 1, 12, 0, 0, 120_000_000, time.UTC), Old: true}
	c := old
	c.Old, c.Before = false, Mark{Seq: 7, Hash: strings.Repeat("cd", 32)}
	require.Equal(t, "vpsbot/audit\n100\n"+strings.Repeat("ab", 32)+"\n2026-03-01T12:00:00.120Z\n", old.text())
	require.Equal(t, "vpsbot/audit 2\n100\n"+strings.Repeat("ab", 32)+"\n2026-03-01T12:00:00.120Z\n7\n"+strings.Repeat("cd", 32)+"\n", c.text())
	for _, c := range []Checkpoint{old, c} {
		back, err := parseCheckpoint(c.text())
		require.NoError(t, err)
		require.Equal(t, c, back)
	}
	require.Equal(t, Mark{Seq: 100, Hash: "88b7cb464ad02f21d737be4635bcf666eeefd5f8c90d25f2c04401ec075c7335"}, c.Mark())
}

func TestParseMark(t *testing.T) {
	want := Mark{Seq: 7, Hash: sealedHead}
	got, err := ParseMark(" " + want.String() + "\n")
	require.NoError(t, err)
	require.Equal(t, want, got)
	for _, text := range []string{"", "7", ":" + sealedHead, "0:" + sealedHead, "-1:" + sealedHead, "7:" + sealedHead[1:], "7:" + strings.ToUpper(sealedHead), "7 " + sealedHead} {
		_, err := ParseMark(text)
		require.Error(t, err, text)
	}
}

// What was signed by the first version, with the private key thrown away.
func TestOldCheckpointStillVerifies(t *testing.T) {
	known, err := ParseVerifiers(oldVerifier)
	require.NoError(t, err)
	c, err := known.Open(oldNote)
	require.NoError(t, err)
	require.Equal(t, Checkpoint{Seq: 1, Head: oldHead, At: at.Add(time.Second).Truncate(time.Millisecond), Old: true, Key: "a6dde376"}, c)
	read, err := ReadCheckpoint(oldNote)
	require.NoError(t, err)
	require.Equal(t, c.Mark(), read.Mark())
}

// FuzzOpenCheckpoint: nothing but what the key signed opens, and the text alone says what that is.
func FuzzOpenCheckpoint(f *testing.F) {
	known, err := ParseVerifiers(oldVerifier)
	require.NoError(f, err)
	want, err := known.Open(oldNote)
	require.NoError(f, err)
	f.Add(oldNote)
	f.Add(strings.Replace(oldNote, "\n1\n", "\n2\n", 1))
	f.Add(Checkpoint{Seq: 7, Head: sealedHead, At: at, Before: Mark{2, oldHead}}.text() + oldNote[strings.Index(oldNote, "\n\n")+1:])
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := known.Open(text); err == nil {
			require.Equal(t, want, c)
		}
		if c, err := ReadCheckpoint(text); err == nil {
			require.True(t, strings.HasPrefix(text, c.text()+"\n"), "it has one spelling")
		}
	})
}

func TestSignAndOpen(t *testing.T) {
	key, row := newKey(t), chain(t, 3)[2]
	signed, err := key.Sign(CheckpointAt(row, Mark{}))
	require.NoError(t, err)
	require.EqualValues(t, 3, signed.Seq)
	c, err := verifiers(t, newKey(t), key).Open(signed.Text)
	require.NoError(t, err)
	require.Equal(t, Checkpoint{Seq: 3, Head: row.Hash, At: row.At, Before: Mark{Hash: Genesis}, Key: key.Name()}, c)

	_, err = verifiers(t, newKey(t)).Open(signed.Text)
	require.ErrorContains(t, err, "checkpoint: ")
	_, err = Verifiers{}.Open(signed.Text)
	require.ErrorIs(t, err, ErrNoCheckpoint)
	_, err = verifiers(t, key).Open(signed.Text + strings.Repeat("\n", maxCheckpoint))
	require.ErrorIs(t, err, ErrNoCheckpoint)
	_, err = key.Sign(Checkpoint{Seq: 1, Head: Genesis[1:], At: at})
	require.ErrorIs(t, err, ErrNoCheckpoint, "nothing is signed that cannot be read")
}

// A flipped bit anywhere in a note is found, but for the two at the end of the signature's base64 that
// stand for nothing.
func TestFlippedBitOfSignedCheckpoint(t *testing.T) {
	key := newKey(t)
	known := verifiers(t, key)
	signed, err := key.Sign(CheckpointAt(chain(t, 1)[0], Mark{}))
	require.NoError(t, err)
	passed := 0
	for bit := range len(signed.Text) * 8 {
		if _, err := known.Open(flipped(signed.Text, uint16(bit))); err == nil {
			require.Equal(t, len(signed.Text)-3, bit/8, "the last letter before the padding")
			passed++
		}
	}
	require.LessOrEqual(t, passed, 2)
}

// A valid signature on something else is no checkpoint.
func TestOpenRefusesOtherTexts(t *testing.T) {
	key := newKey(t)
	good := CheckpointAt(chain(t, 1)[0], Mark{}).text()
	for name, text := range map[string]string{
		"the first form":   strings.Replace(good, origin+" 2\n", origin+"\n", 1),
		"a third form":     strings.Replace(good, origin+" 2\n", origin+" 3\n", 1),
		"after itself":     strings.Replace(good, "\n0\n"+Genesis, "\n1\n"+sealedHead, 1),
		"after nothing":    strings.Replace(good, "\n0\n"+Genesis, "\n0\n"+sealedHead, 1),
		"after a row -1":   strings.Replace(good, "\n0\n", "\n-1\n", 1),
		"a short before":   strings.Replace(good, Genesis, Genesis[1:], 1),
		"another origin":   strings.Replace(good, origin, "vpsbot/other", 1),
		"a line more":      good + "more\n",
		"a line fewer":     strings.SplitAfterN(good, "\n", 2)[1],
		"no row":           strings.Replace(good, "\n1\n", "\n0\n", 1),
		"a word as row":    strings.Replace(good, "\n1\n", "\none\n", 1),
		"a padded row":     strings.Replace(good, "\n1\n", "\n01\n", 1),
		"a signed row":     strings.Replace(good, "\n1\n", "\n+1\n", 1),
		"a short hash":     strings.Replace(good, sealedHead, sealedHead[1:], 1),
		"upper case":       strings.Replace(good, sealedHead, strings.ToUpper(sealedHead), 1),
		"no time":          strings.Replace(good, "2026-03-01T", "yesterday ", 1),
		"another zone":     strings.Replace(good, "Z\n", "+00:00\n", 1),
		"a finer time":     strings.Replace(good, "Z\n", "9Z\n", 1),
		"an invalid month": strings.Replace(good, "2026-03", "2026-13", 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, good, text)
			signed, err := note.Sign(&note.Note{Text: text}, key.signer)
			require.NoError(t, err)
			_, err = verifiers(t, key).Open(string(signed))
			require.ErrorIs(t, err, ErrNoCheckpoint)
		})
	}
}

func TestDue(t *testing.T) {
	row := func(seq int64, after time.Duration) Row { return Row{Seq: seq, At: at.Add(after)} }
	for name, c := range map[string]struct {
		seq  int64
		row  Row
		want bool
	}{
		"the first ever":       {0, row(1, 0), true},
		"the first with a key": {0, row(5000, 0), true},
		"the next":             {100, row(101, time.Second), false},
		"before 100 rows":      {100, row(199, time.Second), false},
		"100 rows":             {100, row(200, time.Second), true},
		"more rows":            {100, row(300, time.Second), true},
		"before 10 minutes":    {100, row(101, 10*time.Minute-1), false},
		"10 minutes":           {100, row(101, 10*time.Minute), true},
		"the clock set back":   {100, row(101, -10*time.Minute), true},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Due(c.seq, at, c.row)) })
	}
}

// FuzzCheckpoint: what is read is what is written, and nothing else is read.
func FuzzCheckpoint(f *testing.F) {
	f.Add(CheckpointAt(chain(f, 1)[0], Mark{Seq: 0, Hash: Genesis}).text())
	f.Add("vpsbot/audit\n1\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseCheckpoint(text); err == nil {
			require.Equal(t, text, c.text())
			require.Positive(t, c.Seq)
		}
	})
}

const (
	sealedHead  = "c27843e132eac7e27e2102b694da5e85f729a1914420a130b1c29ec918920cc0" // of sample(1)
	oldHead     = "3d9f6482953ecbdbe0381182c904cc43088d4174882a1a67d17001a79593d8cd" // of a row of the first version
	oldVerifier = "vpsbot/audit+a6dde376+ASTK7Ve1cN6joySm6k/SQMbV9xr9widGHcSJyW6xC1I0"
	oldNote     = "vpsbot/audit\n1\n3d9f6482953ecbdbe0381182c904cc43088d4174882a1a67d17001a79593d8cd\n2026-03-01T12:00:01.123Z\n\n— vpsbot/audit pt3jdgNcHiYQlzpx0KdA9fn5djxeRx3K98SK24D6q3jewYB3XU+oteYo7nsidX8XeppzblV4Ic5QxmXd80pMapAF1AY=\n"
)

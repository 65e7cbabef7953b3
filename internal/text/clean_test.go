package text_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/text"
)

// defaultIgnorable is Unicode's property of that name, of DerivedCoreProperties.txt.
var defaultIgnorable = [][2]rune{
	{0xAD, 0xAD},
	{0x34F, 0x34F},
	{0x61C, 0x61C},
	{0x115F, 0x1160},
	{0x17B4, 0x17B5},
	{0x180B, 0x180F},
	{0x200B, 0x200F},
	{0x202A, 0x202E},
	{0x2060, 0x206F},
	{0x3164, 0x3164},
	{0xFE00, 0xFE0F},
	{0xFEFF, 0xFEFF},
	{0xFFA0, 0xFFA0},
	{0xFFF0, 0xFFF8},
	{0x1BCA0, 0x1BCA3},
	{0x1D173, 0x1D17A},
	{0xE0000, 0xE0FFF},
}

// Of all characters, none that is not seen is shown, and none that is seen is lost.
func TestNoInvisibleCharacterIsShown(t *testing.T) {
	t.Parallel()
	for c := rune(0); c <= unicode.MaxRune; c++ {
		ignorable := slices.ContainsFunc(defaultIgnorable, func(r [2]rune) bool { return r[0] <= c && c <= r[1] })
		shown := text.Clean("a" + string(c) + "b")
		if ignorable || unicode.In(c, unicode.Cf, unicode.Co) {
			require.Equal(t, "ab", shown, "%U", c)
		}
		if unicode.In(c, unicode.L, unicode.N, unicode.P, unicode.S, unicode.M) && !ignorable && c != 0x2800 && c != 0xFFFD {
			require.Len(t, []rune(shown), 3, "%U", c)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"web-1", "a\x1b[31mb", "a\u202Eb\u200Bc", "two  \n lines ", "a“b”c", "\xff\x00", strings.Repeat("ü", 400)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := text.Clean(s)
		require.Equal(t, clean, text.Clean(clean))
		require.LessOrEqual(t, len([]rune(clean)), text.MaxText)
		require.NotContains(t, clean, "\n")
		require.NotContains(t, clean, "\x1b")
	})
}

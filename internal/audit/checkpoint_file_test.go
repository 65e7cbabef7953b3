package audit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckpointFileKeepsTheNewest(t *testing.T) {
	l := newLedger(t).write(9)
	l.sign()
	l.write(9)
	l.sign()
	folder := filepath.Join(t.TempDir(), "new")
	k := CheckpointFile{Path: filepath.Join(folder, "kept")}
	require.NoError(t, k.CheckWritable())
	require.NoDirExists(t, folder, "to look makes nothing")
	none, err := k.Newest()
	require.NoError(t, err)
	require.Zero(t, none)

	for _, step := range []struct {
		keep, want int64
	}{{1, 10}, {0, 10}, {2, 19}, {1, 19}} {
		require.NoError(t, k.Keep(l.notes[step.keep]))
		c, err := k.Newest()
		require.NoError(t, err)
		require.Equal(t, step.want, c.Seq)
	}
	require.NoError(t, k.Replace(l.notes[0]))
	c, err := k.Newest()
	require.NoError(t, err)
	require.EqualValues(t, 1, c.Seq)
	info, err := os.Stat(k.Path)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 1)

	require.NoError(t, os.WriteFile(k.Path, []byte("nonsense"), 0o600))
	_, err = k.Newest()
	require.ErrorIs(t, err, ErrNoCheckpoint)
	require.ErrorIs(t, k.Keep(l.notes[2]), ErrNoCheckpoint, "what is there may be newer")
}

func TestCheckpointFileWithoutAPath(t *testing.T) {
	l := newLedger(t)
	require.NoError(t, CheckpointFile{}.Keep(l.notes[0]))
	c, err := CheckpointFile{}.Newest()
	require.NoError(t, err)
	require.Zero(t, c)
	require.Error(t, CheckpointFile{}.CheckWritable())

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	k := CheckpointFile{Path: filepath.Join(file, "kept")}
	require.Error(t, k.CheckWritable())
	require.Error(t, k.Keep(l.notes[0]))
}

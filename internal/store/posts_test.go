package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// post has something in every field, and is due so long after start.
func post(id string, after time.Duration) delivery.Post {
	return delivery.Post{
		Key: "live:" + id, Approval: id, Kind: "live", User: "U1", Channel: "C1", TS: "1700000000.000100", Thread: "1600000000.000100",
		URL: []byte{0, 0xff, 'u'}, URLUntil: ms(start.Add(time.Hour)), URLUses: 3, Shown: "hash", Fails: 2, Next: ms(start.Add(after)),
	}
}

func added(t testing.TB, db database, p delivery.Post) {
	t.Helper()
	first, err := db.AddPost(t.Context(), p)
	require.NoError(t, err)
	require.True(t, first)
}

func posted(t *testing.T, db database, key string) delivery.Post {
	t.Helper()
	p, err := db.Post(t.Context(), key)
	require.NoError(t, err)
	return p
}

func due(t *testing.T, db database, after time.Duration, n int) (keys []string) {
	t.Helper()
	posts, err := db.DuePosts(t.Context(), start.Add(after), n)
	require.NoError(t, err)
	for _, p := range posts {
		keys = append(keys, p.Key)
	}
	return keys
}

func TestPosts(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		want := post("1", 0)
		added(t, db, want)
		require.Equal(t, want, posted(t, db, "live:1"))

		other := post("1", time.Hour)
		other.Channel = "C2"
		first, err := db.AddPost(ctx, other)
		require.NoError(t, err)
		require.False(t, first)
		require.Equal(t, want, posted(t, db, "live:1"), "it stays as it is")

		bare := delivery.Post{Key: "card:1", Approval: "1", Kind: "card", Version: 7}
		added(t, db, bare)
		bare.Version = 0
		require.Equal(t, bare, posted(t, db, "card:1"))

		changed := delivery.Post{
			Key: "live:1", Approval: "another", Kind: "another", User: "U2", Channel: "C2", TS: "2.2", URL: []byte("v"), URLUntil: ms(start),
			URLUses: 1, Shown: "other", Fails: 9, Next: ms(start.Add(time.Minute)),
		}
		require.NoError(t, db.SavePost(ctx, changed))
		changed.Approval, changed.Kind = "1", "live"
		require.Equal(t, changed, posted(t, db, "live:1"))
		bare.Key = "live:1"
		require.NoError(t, db.SavePost(ctx, bare))
		require.Equal(t, delivery.Post{Key: "live:1", Approval: "1", Kind: "live"}, posted(t, db, "live:1"))

		_, err = db.Post(ctx, "live:2")
		require.ErrorIs(t, err, approval.ErrNotFound)
		require.ErrorIs(t, db.SavePost(ctx, post("2", 0)), approval.ErrNotFound)
		for _, key := range []string{"", "live:2", "live1", "card:1"} {
			p := post("1", 0)
			p.Key = key
			_, err = db.AddPost(ctx, p)
			require.ErrorContains(t, err, "the key of a post is its kind and its approval", key)
		}
		require.Zero(t, logLength(t, db))
	})
}

// Who shows a post that is replaced meanwhile writes nothing over the new one.
func TestReplacePost(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		require.NoError(t, db.ReplacePost(ctx, post("1", 0)))
		require.Equal(t, post("1", 0), posted(t, db, "live:1"), "there was none")
		old, err := db.DuePosts(ctx, start, 9)
		require.NoError(t, err)
		require.NoError(t, db.MarkDue(ctx, "1", start))

		want := delivery.Post{Key: "live:1", Approval: "1", Kind: "live", User: "U2", URL: []byte("new"), Next: ms(start.Add(time.Second))}
		require.NoError(t, db.ReplacePost(ctx, want))
		want.Version = 1
		require.Equal(t, want, posted(t, db, "live:1"))
		require.ErrorIs(t, db.SavePost(ctx, old[0]), approval.ErrNotFound)
		require.Equal(t, want, posted(t, db, "live:1"))

		got, err := db.DuePosts(ctx, start.Add(time.Second), 9)
		require.NoError(t, err)
		require.Equal(t, []delivery.Post{want}, got, "nobody has the new one")
		got[0].Next = time.Time{}
		require.NoError(t, db.SavePost(ctx, got[0]))
		require.Equal(t, got[0], posted(t, db, "live:1"), "and what was marked of the old one is past")
		first, err := db.AddPost(ctx, post("1", 0))
		require.NoError(t, err)
		require.False(t, first)
		require.Equal(t, got[0], posted(t, db, "live:1"))
		require.Error(t, db.ReplacePost(ctx, delivery.Post{Key: "live:1", Approval: "2", Kind: "live"}))
	})
}

func TestDuePosts(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		for id, after := range map[string]time.Duration{"1": 2 * time.Second, "2": time.Second, "3": 3 * time.Second, "4": 4 * time.Second} {
			added(t, db, post(id, after))
		}
		never := post("5", 0)
		never.Next = time.Time{}
		added(t, db, never)

		require.Empty(t, due(t, db, time.Second-time.Millisecond, 9))
		require.Empty(t, due(t, db, time.Hour, 0))
		got, err := db.DuePosts(t.Context(), start.Add(3*time.Second), 2)
		require.NoError(t, err)
		require.Equal(t, []delivery.Post{post("2", time.Second), post("1", 2*time.Second)}, got, "what is due longest")
		require.Equal(t, []string{"live:3"}, due(t, db, 3*time.Second, 9), "p1 has the others")

		saved := post("2", time.Second) // due at once again
		require.NoError(t, db.SavePost(t.Context(), saved))
		require.Equal(t, []string{"live:2"}, due(t, db, 3*time.Second, 9), "its lease ended as it was saved")
		require.Equal(t, []string{"live:4"}, due(t, db, time.Minute, 9))

		// Both die: after a minute others get what they had.
		require.Equal(t, []string{"live:2", "live:1", "live:3"}, due(t, db, time.Minute+3*time.Second, 9))
		require.Empty(t, due(t, db, time.Minute+3*time.Second, 9))
	})
}

func TestMarkDue(t *testing.T) {
	const soon, later = time.Minute, time.Hour
	for name, c := range map[string]struct{ next, want time.Duration }{
		"later": {later, soon}, "never": {0, soon}, "just then": {soon, soon}, "before": {time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			conforms(t, func(t *testing.T, db database) {
				want, other := post("1", c.next), post("2", later)
				if c.next == 0 {
					want.Next = time.Time{}
				}
				card := want
				card.Key, card.Kind = "card:1", "card"
				for _, p := range []delivery.Post{want, card, other} {
					added(t, db, p)
				}
				require.NoError(t, db.MarkDue(t.Context(), "1", start.Add(soon)))
				want.Next, card.Next = ms(start.Add(c.want)), ms(start.Add(c.want))
				require.Equal(t, want, posted(t, db, "live:1"))
				require.Equal(t, card, posted(t, db, "card:1"))
				require.Equal(t, other, posted(t, db, "live:2"), "of another approval")
				require.NoError(t, db.SavePost(t.Context(), post("1", later)))
				require.Equal(t, post("1", later), posted(t, db, "live:1"), "nobody had it: what is saved counts")
			})
		})
	}
	conforms(t, func(t *testing.T, db database) {
		require.NoError(t, db.MarkDue(t.Context(), "none", start))
		require.Error(t, db.MarkDue(t.Context(), "1", time.Time{}))
	})
}

// What becomes due while somebody shows it is due once they have saved it: they have looked at
// the record before that.
func TestMarkDueOfAShownPost(t *testing.T) {
	const second = time.Second
	for name, c := range map[string]struct {
		marks       []time.Duration
		saved, want time.Duration // 0: never
	}{
		"and nothing more": {saved: 9 * second, want: 9 * second},
		"then never":       {marks: []time.Duration{5 * second}, want: 5 * second},
		"then later":       {marks: []time.Duration{5 * second}, saved: 9 * second, want: 5 * second},
		"then sooner":      {marks: []time.Duration{5 * second}, saved: 3 * second, want: 3 * second},
		"twice":            {marks: []time.Duration{5 * second, 7 * second}, want: 5 * second},
		"twice, backwards": {marks: []time.Duration{7 * second, 5 * second}, want: 5 * second},
	} {
		t.Run(name, func(t *testing.T) {
			conforms(t, func(t *testing.T, db database) {
				added(t, db, post("1", 0))
				shown := func(marks []time.Duration, saved, want time.Duration) {
					t.Helper()
					require.Equal(t, []string{"live:1"}, due(t, db, 20*second, 9))
					for _, after := range marks {
						require.NoError(t, db.MarkDue(t.Context(), "1", start.Add(after)))
						require.Empty(t, due(t, db, 20*second, 9), "a lease stays as it is")
					}
					p := post("1", saved)
					if saved == 0 {
						p.Next = time.Time{}
					}
					require.NoError(t, db.SavePost(t.Context(), p))
					if want != 0 {
						p.Next = ms(start.Add(want))
					}
					require.Equal(t, p, posted(t, db, "live:1"))
				}
				shown(c.marks, c.saved, c.want)
				require.NoError(t, db.SavePost(t.Context(), post("1", 11*second)))
				require.Equal(t, post("1", 11*second), posted(t, db, "live:1"), "a mark counts once")
				shown(nil, 12*second, 12*second)
			})
		})
	}
}

// A lease that ended without being saved took its marks with it: who gets the post next has them.
func TestMarkDueOutlivesAProcess(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		added(t, db, post("1", 0))
		require.Len(t, due(t, db, 0, 9), 1)
		require.NoError(t, db.MarkDue(t.Context(), "1", start.Add(time.Second)))
		require.Len(t, due(t, db, pastLease, 9), 1)
		p := post("1", 0)
		p.Next = time.Time{}
		require.NoError(t, db.SavePost(t.Context(), p))
		require.Equal(t, p, posted(t, db, "live:1"))
	})
}

func TestReplicasShareThePosts(t *testing.T) {
	const n = 90
	replicated(t, func(t *testing.T, replicas []database) {
		for i := range n {
			added(t, replicas[i%3], post(fmt.Sprint(i), 0))
		}
		got := make([][]delivery.Post, 45)
		testkit.Concurrently(len(got), func(i int) {
			var err error
			if got[i], err = replicas[i%3].DuePosts(t.Context(), start, 3); err != nil {
				t.Error(err)
			}
			if err := replicas[(i+1)%3].MarkDue(t.Context(), fmt.Sprint(i), start); err != nil {
				t.Error(err)
			}
			for _, p := range got[i] {
				p.Next = time.Time{}
				if err := replicas[i%3].SavePost(t.Context(), p); err != nil {
					t.Error(err)
				}
			}
		})
		// What was marked while it was had is due again, once it was saved: only that twice.
		times := map[string]int{}
		for _, p := range slices.Concat(got...) {
			times[p.Key]++
			require.LessOrEqual(t, times[p.Key], 2, p.Key)
		}
		for _, key := range due(t, replicas[0], 0, n) {
			times[key]++
		}
		require.Len(t, times, n, "nothing was lost")
	})
}

// Only one has a post at a time, also where all take what none has saved.
func TestReplicasTakePostsOnce(t *testing.T) {
	const n = 90
	replicated(t, func(t *testing.T, replicas []database) {
		for i := range n {
			added(t, replicas[i%3], post(fmt.Sprint(i), 0))
		}
		got := make([][]delivery.Post, 45)
		testkit.Concurrently(len(got), func(i int) {
			got[i], _ = replicas[i%3].DuePosts(t.Context(), start, 3)
		})
		seen := map[string]bool{}
		for _, p := range slices.Concat(got...) {
			require.False(t, seen[p.Key], "%s was handed out twice", p.Key)
			seen[p.Key] = true
		}
		require.Len(t, due(t, replicas[0], 0, n), n-len(seen), "nothing was lost")
	})
}

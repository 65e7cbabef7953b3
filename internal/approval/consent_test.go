package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMissing(t *testing.T) {
	t.Parallel()
	yes := func(person, identity string) Consent { return Consent{Person: person, Identity: identity, Yes: true} }
	no, standIn := yes("bob", "slack:U0BOB"), yes("bob", "slack:U0BOB")
	no.Yes, standIn.Delegate = false, true
	alice, bob, eve := yes("alice", "key:alice"), yes("bob", "slack:U0BOB"), yes("eve", "slack:U0EVE")
	for name, c := range map[string]struct {
		own      bool
		others   int
		consents []Consent
		want     Quorum
	}{
		"nobody is needed":                            {false, 0, nil, Quorum{}},
		"the asker":                                   {true, 0, nil, Quorum{Own: true}},
		"the asker agreed":                            {true, 0, []Consent{alice}, Quorum{}},
		"the asker agreed by another identity":        {true, 1, []Consent{yes("alice", "slack:U0ALICE")}, Quorum{Others: 1}},
		"the asker's identity is another person's":    {true, 1, []Consent{yes("mallory", "key:alice")}, Quorum{Others: 1}},
		"somebody stands in":                          {true, 0, []Consent{standIn}, Quorum{}},
		"a stand-in is no second person":              {true, 1, []Consent{standIn}, Quorum{Others: 1}},
		"a no is no yes":                              {true, 1, []Consent{no}, Quorum{Own: true, Others: 1}},
		"another person":                              {true, 1, []Consent{bob}, Quorum{Own: true}},
		"one person twice":                            {false, 2, []Consent{bob, yes("bob", "key:bob")}, Quorum{Others: 1}},
		"all":                                         {true, 2, []Consent{bob, eve, alice}, Quorum{}},
		"more than all":                               {false, 1, []Consent{bob, eve}, Quorum{}},
		"without a policy a person is their identity": {true, 0, []Consent{yes("key:alice", "key:alice")}, Quorum{}},
	} {
		q := Missing(Record{Actor: "key:alice", Person: "alice", Own: c.own, Others: c.others}, c.consents)
		require.Equal(t, c.want, q, name)
		require.Equal(t, c.want == Quorum{}, q.IsComplete(), name)
	}
	old := Record{Actor: "local:alice", Own: true, Others: 1}
	require.Equal(t, Quorum{Others: 1}, Missing(old, []Consent{yes("local:alice", "slack:U0ALICE")}), "a record of before there were people")
}

package apiclient

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

const someUUID = "0195A1b2-0000-4000-8000-00000000000f"

func TestParseID(t *testing.T) {
	for s, want := range map[string]struct {
		wire, err string
		looks     bool
	}{
		"12345":                                {wire: "12345", looks: true},
		"0":                                    {wire: "0", looks: true},
		"9999999999999999999":                  {wire: "9999999999999999999", looks: true},
		"10000000000000000000":                 {err: "more than 19 digits", looks: true},
		"007":                                  {err: "leading zeros", looks: true},
		someUUID:                               {wire: `"` + someUUID + `"`, looks: true},
		someUUID[1:]:                           {err: "want a whole number or a UUID"},
		strings.Replace(someUUID, "f", "g", 1): {err: "want a whole number"},
		strings.Replace(someUUID, "-", "0", 1): {err: "want a whole number"},
		"":                                     {err: "not an id"},
		"-1":                                   {err: "not an id"},
		"1.0":                                  {err: "not an id"},
		" 1":                                   {err: "not an id"},
		"web-01":                               {err: "not an id"},
		"١٢":                                   {err: "not an id"},
		"../1":                                 {err: "not an id"},
		"1234567\n":                            {err: "not an id"},
	} {
		id, err := ParseID(s)
		require.Equal(t, want.looks, LooksLikeID(s), s)
		if want.err != "" {
			require.ErrorContains(t, err, want.err, s)
			require.True(t, id.IsZero(), s)
			continue
		}
		require.NoError(t, err, s)
		require.Equal(t, s, id.String())
		require.Equal(t, want.wire, string(encode(t, id)))
	}
}

func TestIDWireForm(t *testing.T) {
	for in, want := range map[string]struct {
		text, err string
	}{
		`12345`:                              {text: "12345"},
		`"12345"`:                            {text: "12345"},
		`"` + someUUID + `"`:                 {text: someUUID},
		`"a.b_c:d"`:                          {text: "a.b_c:d"},
		`null`:                               {},
		`"` + strings.Repeat("x", 128) + `"`: {text: strings.Repeat("x", 128)},
		`"` + strings.Repeat("x", 129) + `"`: {err: "129 characters"},
		strings.Repeat("1", 129):             {err: "plain digits"},
		`""`:                                 {err: "0 characters"},
		`-1`:                                 {err: "plain digits"},
		`1.5`:                                {err: "plain digits"},
		`1e3`:                                {err: "plain digits"},
		`true`:                               {err: "cannot be"},
		`{}`:                                 {err: "cannot be"},
		`[1]`:                                {err: "cannot be"},
		`"."`:                                {err: "not safe"},
		`".."`:                               {err: "not safe"},
		`"a/b"`:                              {err: "not safe"},
		`"a\\b"`:                             {err: "not safe"},
		`"a%2fb"`:                            {err: "not safe"},
		`"a?b"`:                              {err: "not safe"},
		`"a#b"`:                              {err: "not safe"},
		`"a b"`:                              {err: "not safe"},
		`"a\u0000b"`:                         {err: "not safe"},
		`"ä"`:                                {err: "not safe"},
	} {
		id := word("before")
		err := json.Unmarshal([]byte(in), &id)
		if want.err != "" {
			require.ErrorContains(t, err, want.err, in)
			continue
		}
		require.NoError(t, err, in)
		require.Equal(t, want.text, id.String())
		require.Equal(t, in, string(encode(t, id)), "the form is kept")
	}
}

func TestIDEqual(t *testing.T) {
	text := word("7")
	require.NotEqual(t, number("7"), text)
	require.True(t, number("7").Equal(text))
	require.False(t, number("7").Equal(number("8")))
	require.True(t, word(someUUID).Equal(word(strings.ToUpper(someUUID))))
	require.False(t, word("abc").Equal(word("ABC")), "only UUIDs disregard case")
	require.True(t, ID{}.Equal(ID{}))
}

func FuzzID(f *testing.F) {
	for _, s := range []string{"1", `"a"`, `"..%2f"`, someUUID, `"` + someUUID + `"`, "007", "null", `"\u002e\u002e"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil {
			require.True(t, LooksLikeID(s))
			require.Equal(t, s, id.String())
			var back ID
			require.NoError(t, json.Unmarshal(encode(t, id), &back))
			require.Equal(t, id, back)
		}
		var id ID
		if json.Unmarshal([]byte(s), &id) != nil || id.IsZero() {
			return
		}
		require.NotContains(t, id.String(), "/")
		require.NotContains(t, []string{".", ".."}, id.String())
		require.LessOrEqual(t, len(id.String()), maxIDLength)
	})
}

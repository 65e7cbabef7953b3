// Package volumes is a kind of resource that VPS.org does not have, added to the catalogue from outside: one
// [tools.Resource] for those that exist, one for a new one, and three operations. Tests show with it that a
// new kind of resource works on every surface, and CONTRIBUTING.md that it is all there is to write.
package volumes

import (
	"context"
	"fmt"
	"slices"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Volume is a disk by itself.
type Volume struct {
	ID       apiclient.ID `json:"id"`
	Name     string       `json:"name"`
	Location string       `json:"location"`
	Status   string       `json:"status"`
}

// Summary returns what a volume says of itself.
func (v Volume) Summary() apiclient.Summary { return apiclient.Summary{ID: v.ID, Status: v.Status} }

// The client.

type page struct {
	Results []Volume `json:"results"`
}

func list(ctx context.Context, c *apiclient.Client) ([]Volume, error) {
	all, err := apiclient.Do[page](ctx, c, apiclient.Route{Method: "GET", Path: "/volumes/"})
	return all.Results, err
}

func create(ctx context.Context, c *apiclient.Client, in newVolume) (Volume, error) {
	return apiclient.Do[Volume](ctx, c, apiclient.Route{Method: "POST", Path: "/volumes/", Body: in})
}

func remove(ctx context.Context, c *apiclient.Client, id apiclient.ID) error {
	_, err := apiclient.Do[struct{}](ctx, c, apiclient.Route{Method: "DELETE", Path: "/volumes/{id}/", ID: id})
	return err
}

// The resources.

var one = &tools.Resource{Name: "volume", Field: "volume_id", Read: readOne}

var newOne = &tools.Resource{Name: "volume", IsNew: true, Read: func(_ context.Context, r *tools.Reader) error {
	r.Item = tools.Item{Kind: "volume", Name: r.In.Text("name")}
	return nil
}}

func readOne(ctx context.Context, r *tools.Reader) error {
	if err := r.Require(ctx, "volumes:list", "showing what would be deleted"); err != nil {
		return err
	}
	all, err := list(ctx, r.API())
	v, err := tools.FindAsked(r, all, err)
	r.ID, r.Item = v.ID, tools.Item{Kind: "volume", ID: v.ID, Name: v.Name}
	return err
}

// The operations.

type (
	noFilter  struct{}
	newVolume struct {
		Name     string `json:"name" rule:"name" doc:"Letters, digits, hyphens"`
		Location string `json:"location" rule:"code" doc:"Such as us-west"`
	}
	oneVolume struct {
		VolumeID apiclient.ID `json:"volume_id" doc:"Volume id; volumes.list has it" list:"volumes.list"`
	}
)

// Catalogue returns the product's operations and those on volumes.
func Catalogue() *tools.Catalogue {
	c := tools.Default.Clone()
	tools.Add(c, tools.Listed(tools.Operation[noFilter, tools.Listing[Volume]]{
		Meta: tools.Meta{
			Name: "volumes.list", Title: "List volumes", Description: "Lists volumes.", Request: "GET /volumes/",
			Needs: permissions.AnyOf("volumes:list"), Risk: permissions.Read, Resource: tools.Account,
		},
		Examples: []noFilter{{}},
	}, func(ctx context.Context, c *apiclient.Client, _ tools.Target, _ noFilter) ([]Volume, error) {
		return list(ctx, c)
	}, func(v Volume) Volume { return v }))
	tools.Add(c, tools.Operation[newVolume, Volume]{
		Meta: tools.Meta{
			Name: "volumes.create", Title: "Create a volume", Past: "created %s", Description: "Creates a volume.", Request: "POST /volumes/",
			Needs: permissions.AnyOf("volumes:create"), Risk: permissions.Billable, Resource: newOne, Undo: "volumes.delete",
			CandidatesNeed: "volumes:list",
		},
		Effect: func(_ tools.Target, in newVolume) string {
			return "Creates the volume " + text.Quote(in.Name) + " in " + in.Location + "."
		},
		Examples: []newVolume{{Name: "data-1", Location: "us-west"}},
		Call: func(ctx context.Context, c *apiclient.Client, _ tools.Target, in newVolume) (Volume, error) {
			return create(ctx, c, in)
		},
		Candidates: func(ctx context.Context, c *apiclient.Client, _ tools.Target, in newVolume) ([]Volume, error) {
			all, err := list(ctx, c)
			return slices.DeleteFunc(all, func(v Volume) bool { return !tools.SameName(v.Name, in.Name) }), err
		},
	})
	tools.Add(c, tools.Operation[oneVolume, tools.None]{
		Meta: tools.Meta{
			Name: "volumes.delete", Title: "Delete a volume", Past: "deleted %s", Description: "Deletes a volume for good.", Request: "DELETE /volumes/{id}/",
			Needs: permissions.AnyOf("volumes:delete"), Risk: permissions.Destructive, Resource: one,
		},
		Effect: func(t tools.Target, _ oneVolume) string {
			return "Deletes the volume " + text.Quote(t.Item.Name) + " for good."
		},
		Examples: []oneVolume{{VolumeID: number(1)}},
		Call: func(ctx context.Context, c *apiclient.Client, t tools.Target, _ oneVolume) (tools.None, error) {
			return tools.None{}, remove(ctx, c, t.ID)
		},
		Evidence: func(ctx context.Context, c *apiclient.Client, t tools.Target, _ oneVolume) (tools.Evidence, error) {
			all, err := list(ctx, c)
			if slices.ContainsFunc(all, func(v Volume) bool { return v.ID.Equal(t.ID) }) {
				return tools.NotSeen, err
			}
			return tools.Applied, err
		},
	})
	return c
}

func number(n int) apiclient.ID {
	id, err := apiclient.ParseID(fmt.Sprint(n))
	if err != nil {
		panic(err)
	}
	return id
}

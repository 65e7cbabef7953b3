package main

import (
	"context"
	"fmt"

	"github.com/vpsbot/vpsbot/tools"
)

// stillMissing returns whose yes the record of a reply waits for. Where that cannot be read,
// the requester is asked: the store decides in the end.
func (r *operationRun) stillMissing(ctx context.Context, reply tools.Reply) quorum {
	asker := quorum{own: true}
	if reply.Record.Others == 0 {
		return asker
	}
	store, err := r.parts.store.get(ctx)
	if err != nil {
		return asker
	}
	c, err := r.parts.missing(ctx, store, *reply.Record)
	if err != nil {
		return asker
	}
	return c
}

// othersFirst says that the answer of whoever is here is given, or not needed, and whose is
// missing.
func (r *operationRun) othersFirst(reply tools.Reply, c quorum) tools.Reply {
	reply.Message = fmt.Sprintf("still to agree: %s. They run: vpsbot approvals approve %s; then give the same command again", c.of(*reply.Record), reply.Record.ID)
	return reply
}

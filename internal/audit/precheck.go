package audit

import (
	"iter"
	"runtime"
	"sync"
)

// checkedEntry is an entry with what can be checked of it alone, which takes most of the time.
type checkedEntry struct {
	Entry
	hashFits   bool        // of a row: its hash is that of its content
	checkpoint *Checkpoint // nil: a row
	signature  error       // of the checkpoint; nil: a known key signed it
}

// batch is as many entries as one goroutine checks. Its arrays are used again.
type batch struct {
	entries []checkedEntry
	err     error         // of the segment, after the entries
	checked chan struct{} // receives when the entries are checked
	buffer  []byte
}

const batchSize = 500 // entries

// precheck reads a segment ahead and checks its entries one by one, on all processors; they come in the order
// of the segment, and each is valid up to the next one. When it returns, it does not read any more.
func precheck(segment Segment, keys Verifiers) iter.Seq2[*checkedEntry, error] {
	return func(yield func(*checkedEntry, error) bool) {
		batches := runtime.GOMAXPROCS(0) + 3
		ready, free, stop := make(chan *batch, batches), make(chan *batch, batches), make(chan struct{})
		for range batches {
			free <- &batch{checked: make(chan struct{}, 1)}
		}
		var running sync.WaitGroup
		defer running.Wait()
		defer close(stop)
		running.Go(func() {
			defer close(ready)
			readBatches(segment, free, stop, func(b *batch) {
				running.Go(func() { b.check(keys) })
				ready <- b // there is room for all
			})
		})
		for b := range ready {
			<-b.checked
			for i := range b.entries {
				if !yield(&b.entries[i], nil) {
					return
				}
			}
			if b.err != nil {
				yield(nil, b.err)
				return
			}
			free <- b
		}
	}
}

// readBatches cuts a segment into batches, in arrays that are free, until stop is closed.
func readBatches(segment Segment, free <-chan *batch, stop <-chan struct{}, ready func(*batch)) {
	var b *batch
	for entry, err := range segment {
		if b == nil {
			select {
			case b = <-free:
				b.entries = b.entries[:0]
			case <-stop:
				return
			}
		}
		if b.err = err; err != nil {
			break
		}
		if b.entries = append(b.entries, checkedEntry{Entry: entry}); len(b.entries) == batchSize {
			ready(b)
			b = nil
		}
	}
	if b != nil {
		ready(b)
	}
}

func (b *batch) check(keys Verifiers) {
	for i := range b.entries {
		b.buffer = b.entries[i].check(keys, b.buffer)
	}
	b.checked <- struct{}{}
}

// check returns buffer, grown, for the next entry.
func (e *checkedEntry) check(keys Verifiers, buffer []byte) []byte {
	if e.checkpoint = nil; e.Entry.Checkpoint == "" {
		hash, buffer := hashOf(buffer, &e.Row)
		e.hashFits = string(hash[:]) == e.Row.Hash
		return buffer
	}
	c, err := keys.Open(e.Entry.Checkpoint)
	if e.signature = err; err != nil {
		c, _ = ReadCheckpoint(e.Entry.Checkpoint)
	}
	e.checkpoint = &c
	return buffer
}

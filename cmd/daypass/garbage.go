package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// What a server of one laptop keeps is some megabytes and what a request throws
// away is some ten kilobytes, so Go's default, to collect when the heap has
// doubled, collects hundreds of times a second under load. With 100,000 roles the
// server keeps hundreds of megabytes, and the default is right.
const (
	// garbage is how much of it may lie about, in bytes, within the two bounds.
	garbage = 256 << 20
	// The bounds of GOGC, in percent of what is kept.
	leastGarbage = 50
	mostGarbage  = 400

	garbageInterval = 5 * time.Second
)

// tendingGarbage runs f, and trades memory for throughput while it runs. GOGC in
// the environment wins.
func tendingGarbage(ctx context.Context, f func() error) error {
	if os.Getenv("GOGC") != "" {
		return f()
	}
	ctx, cancel := context.WithCancel(ctx)
	var tending sync.WaitGroup
	tending.Go(func() { tendGarbage(ctx) })
	defer func() { cancel(); tending.Wait() }()
	return f()
}

func tendGarbage(ctx context.Context) {
	ticker := time.NewTicker(garbageInterval)
	defer ticker.Stop()
	before := 0
	for {
		if percent := garbagePercent(liveBytes()); percent != before {
			debug.SetGCPercent(percent)
			before = percent
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// garbagePercent is what GOGC should be while so many bytes are kept.
func garbagePercent(live uint64) int {
	if live == 0 { // nothing was collected yet: the store is being read
		return 100
	}
	return int(min(max(100*garbage/live, leastGarbage), mostGarbage))
}

// liveBytes is how much the last collection left.
func liveBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

package main

import "testing"

func TestGarbagePercent(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{
		0:         100,
		1:         400,
		20 << 20:  400,
		64 << 20:  400,
		128 << 20: 200,
		256 << 20: 100,
		1 << 30:   50,
		1 << 40:   50,
	} {
		if got := garbagePercent(live); got != want {
			t.Errorf("%d bytes kept: %d %%, want %d", live, got, want)
		}
	}
	if liveBytes() > 1<<40 {
		t.Errorf("the heap has %d bytes", liveBytes())
	}
}

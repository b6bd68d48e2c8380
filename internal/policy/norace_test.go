//go:build !race

package policy_test

// raceEnabled is whether the race detector slows the tests down.
const raceEnabled = false

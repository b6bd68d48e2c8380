package main

import (
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"
)

// contextLines are how many unchanged lines stand around a change.
const contextLines = 3

// printDiff writes the difference of two short texts as diff -u does, coloured on a
// terminal.
func printDiff(w io.Writer, name, before, after string) {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	ops := diffLines(a, b)
	_, _ = lipgloss.Fprintln(w, titleStyle.Render("--- "+name)+"\n"+titleStyle.Render("+++ "+name))
	for start := 0; start < len(ops); {
		if ops[start].sign == ' ' {
			start++
			continue
		}
		from := max(0, start-contextLines)
		to := start
		for gap := 0; to < len(ops) && gap <= 2*contextLines; to++ {
			if gap++; ops[to].sign != ' ' {
				gap = 0
			}
		}
		end := to
		for end > start && ops[end-1].sign == ' ' {
			end--
		}
		end = min(len(ops), end+contextLines)
		printHunk(w, ops[from:end])
		start = end
	}
}

func printHunk(w io.Writer, ops []diffLine) {
	oldLines, newLines := 0, 0
	for _, op := range ops {
		if op.sign != '+' {
			oldLines++
		}
		if op.sign != '-' {
			newLines++
		}
	}
	_, _ = lipgloss.Fprintln(w, commandStyle.Render(fmt.Sprintf("@@ -%d,%d +%d,%d @@", ops[0].old, oldLines, ops[0].new, newLines)))
	for _, op := range ops {
		text := string(op.sign) + strings.Map(printable, op.text)
		switch op.sign {
		case '+':
			text = goodStyle.Render(text)
		case '-':
			text = badStyle.Render(text)
		}
		_, _ = lipgloss.Fprintln(w, text)
	}
}

// diffLine is one line of a difference; old and new are the lines at which it stands.
type diffLine struct {
	sign     byte
	text     string
	old, new int
}

// diffLines compares lines by their longest common sequence: of policies, which are
// short.
func diffLines(a, b []string) []diffLine {
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var ops []diffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			ops = append(ops, diffLine{' ', a[i], i + 1, j + 1})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			ops = append(ops, diffLine{'-', a[i], i + 1, j + 1})
			i++
		default:
			ops = append(ops, diffLine{'+', b[j], i + 1, j + 1})
			j++
		}
	}
	return ops
}

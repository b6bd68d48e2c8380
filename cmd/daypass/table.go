package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// printTable writes rows below their headings, or as blocks on a terminal that is
// too narrow for them. What was sent by others can break no line and steer no
// terminal.
func printTable(w io.Writer, headings []string, rows [][]string) error {
	width := 0
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			width = columns
		}
	}
	return writeTable(w, width, headings, rows)
}

// writeTable writes a table for so many columns; 0 is as wide as it gets.
func writeTable(w io.Writer, width int, headings []string, rows [][]string) error {
	lines := [][]string{headings}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = shownCell(cell)
		}
		lines = append(lines, cells)
	}
	if width > 0 && len(rows) > 0 && widthOf(lines) > width {
		return writeBlocks(w, lines)
	}
	table := tabwriter.NewWriter(w, 0, 0, tableGap, ' ', 0)
	var failed error
	for _, line := range lines {
		_, err := fmt.Fprintln(table, strings.Join(line, "\t"))
		failed = errors.Join(failed, err)
	}
	return errors.Join(failed, table.Flush())
}

// tableGap is how many spaces stand between two columns.
const tableGap = 2

// widthOf is how many columns of a terminal the longest of lines takes.
func widthOf(lines [][]string) int {
	width := 0
	for column := range lines[0] {
		longest := 0
		for _, line := range lines {
			longest = max(longest, utf8.RuneCountInString(line[column]))
		}
		width += longest + tableGap
	}
	return width - tableGap
}

// writeBlocks writes each line below the first as a block: a heading and a cell
// on each line of the block.
func writeBlocks(w io.Writer, lines [][]string) error {
	blocks := tabwriter.NewWriter(w, 0, 0, tableGap, ' ', 0)
	var failed error
	for i, line := range lines[1:] {
		if i > 0 {
			_, err := fmt.Fprintln(blocks)
			failed = errors.Join(failed, err)
		}
		for column, cell := range line {
			_, err := fmt.Fprintf(blocks, "%s\t%s\n", lines[0][column], cell)
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, blocks.Flush())
}

func shownCell(s string) string {
	switch {
	case s == "":
		return "-"
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(s)
	}
	return s
}

// counted is a number of things, by their word for one.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

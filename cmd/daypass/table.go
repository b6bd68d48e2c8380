package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// printTable writes rows below their headings. What was sent by others can break
// no line and steer no terminal.
func printTable(w io.Writer, headings []string, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, failed := fmt.Fprintln(table, strings.Join(headings, "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = shownCell(cell)
		}
		_, err := fmt.Fprintln(table, strings.Join(cells, "\t"))
		failed = errors.Join(failed, err)
	}
	return errors.Join(failed, table.Flush())
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

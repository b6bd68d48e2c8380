package main

import "charm.land/lipgloss/v2"

// Colours are the terminal's own sixteen, so that they fit its background.
// Where the output is no terminal, lipgloss leaves them out.
var (
	titleStyle   = lipgloss.NewStyle().Bold(true)
	commandStyle = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
	goodStyle    = lipgloss.NewStyle().Foreground(lipgloss.Green)
	badStyle     = lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true)
	warnStyle    = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	dimStyle     = lipgloss.NewStyle().Faint(true)
)

package api

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

var (
	codeMark   = regexp.MustCompile("`([^`]+)`")
	strongMark = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// prose turns the specification's descriptions into HTML: paragraphs, lists,
// `code` and **strong**, which is all the Markdown that they use.
func prose(text string) template.HTML {
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		switch {
		case block == "":
		case strings.HasPrefix(block, "* "):
			out.WriteString("<ul>")
			for item := range strings.SplitSeq(strings.TrimPrefix(block, "* "), "\n* ") {
				out.WriteString("<li>" + inline(item) + "</li>")
			}
			out.WriteString("</ul>")
		default:
			out.WriteString("<p>" + inline(block) + "</p>")
		}
	}
	return template.HTML(out.String()) //nolint:gosec // inline escapes, and the text is our own specification
}

func inline(text string) string {
	safe := html.EscapeString(strings.Join(strings.Fields(text), " "))
	return strongMark.ReplaceAllString(codeMark.ReplaceAllString(safe, "<code>$1</code>"), "<strong>$1</strong>")
}

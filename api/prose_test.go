package api

import "testing"

func TestProse(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"One\nline.":                    "<p>One line.</p>",
		"A `x < y`.\n\n**No** <b>.":     "<p>A <code>x &lt; y</code>.</p><p><strong>No</strong> &lt;b&gt;.</p>",
		"* one\n  more\n* two\n\nLast.": "<ul><li>one more</li><li>two</li></ul><p>Last.</p>",
	} {
		if got := string(prose(text)); got != want {
			t.Errorf("prose(%q) = %s, want %s", text, got, want)
		}
	}
}

package web

import (
	"bytes"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func TestFSHasAPageThatEveryReferenceOfResolves(t *testing.T) {
	files := FS()
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("<style")) || regexp.MustCompile(`<script>|<script [^s]`).Match(withoutModules(page)) {
		t.Error("index.html has inline script or style, which the Content-Security-Policy refuses")
	}
	for _, ref := range regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllStringSubmatch(string(page), -1) {
		if strings.HasPrefix(ref[1], "/api") {
			continue
		}
		if _, err := fs.Stat(files, ref[1][1:]); err != nil {
			t.Errorf("index.html refers to %s: %v", ref[1], err)
		}
	}
}

func TestPlaceholderSaysHowToBuild(t *testing.T) {
	page, err := fs.ReadFile(sub(placeholder, "placeholder"), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"npm run build --workspace web", "make build"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the placeholder page does not say %q", want)
		}
	}
}

func withoutModules(page []byte) []byte {
	return regexp.MustCompile(`<script type="module" crossorigin src=`).ReplaceAll(page, []byte("<script src="))
}

// Package web holds the UI: TypeScript sources, and the built pages that are
// compiled into the binary.
package web

import (
	"embed"
	"io/fs"
)

// dist is Vite's output. Only .gitkeep is committed, so that the package
// compiles without Node.
//
//go:embed all:dist
var dist embed.FS

//go:embed placeholder
var placeholder embed.FS

// FS returns the files of the UI with index.html at the root: the built UI,
// or one page that says how to build it.
func FS() fs.FS {
	files := sub(dist, "dist")
	if _, err := fs.Stat(files, "index.html"); err != nil {
		return sub(placeholder, "placeholder")
	}
	return files
}

func sub(files embed.FS, dir string) fs.FS {
	inner, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // only for an invalid dir, which is a constant here
	}
	return inner
}

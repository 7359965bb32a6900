package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sqlText looks like a statement or a clause of one.
var sqlText = regexp.MustCompile(`(?i)\b(SELECT|INSERT INTO|ALTER TABLE|CREATE (TABLE|DATABASE)|DROP (TABLE|DATABASE)|DELETE FROM|WHERE|GROUP BY|ORDER BY|UNION ALL|PREWHERE|SETTINGS|FORMAT Native|KILL QUERY)\b`)

// identifiersOnly are the files that may put names of tables and columns, never
// values, into SQL, and where the names come from.
var identifiersOnly = map[string]string{
	"../internal/store/send.go": "constants of the package",
}

// TestNoValueIsFormattedIntoSQL looks through every package that talks to the
// store for text that is put into SQL: values are bound parameters. Migrations
// are not looked through: they put names from the configuration, quoted, into
// definitions of tables, which cannot be bound.
func TestNoValueIsFormattedIntoSQL(t *testing.T) {
	files := 0
	for _, dir := range []string{"../internal/query", "../internal/store", "../internal/alert", "../collector", "../cmd", "."} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			found := formattedSQL(t, path, nil)
			if _, allowed := identifiersOnly[path]; allowed != (len(found) > 0) {
				t.Errorf("%s: %q; allowed there: %v", path, found, allowed)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 20 {
		t.Errorf("only %d files were looked through", files)
	}
}

func TestFormattedSQLIsFound(t *testing.T) {
	for _, bad := range []string{
		`fmt.Sprintf("SELECT * FROM requests WHERE model = '%s'", x)`,
		`"SELECT * FROM " + x`,
		`fmt.Sprint("select 1 from t where a = ", x)`,
		`strings.ReplaceAll("DELETE FROM t WHERE id = ?", "?", x)`,
		"strings.Join([]string{x}, ` UNION ALL `)",
		`x + " ORDER BY end"`,
	} {
		if len(formattedSQL(t, "bad.go", "package p\nvar _ = "+bad)) == 0 {
			t.Errorf("%s was not found", bad)
		}
	}
	for _, good := range []string{
		`"SELECT 1 " + "FROM t"`, `fmt.Sprintf("select at most %d rows", x)`, `fmt.Errorf("where %s is: %w", x, err)`,
	} {
		if found := formattedSQL(t, "good.go", "package p\nvar _ = "+good); len(found) > 0 {
			t.Errorf("%s: %v", good, found)
		}
	}
}

// formattedSQL returns the places of a file where SQL is put together with
// anything but constants.
func formattedSQL(t *testing.T, path string, source any) []string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	report := func(n ast.Node) {
		found = append(found, set.Position(n.Pos()).String()+": text is put into SQL; bind a parameter")
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if !isFormatter(n.Fun) {
				return true
			}
			for _, argument := range n.Args {
				if isSQL(literal(argument)) {
					report(n)
					return false
				}
			}
		case *ast.BinaryExpr:
			if n.Op == token.ADD && (isSQL(literal(n.X)) || isSQL(literal(n.Y))) && !constant(n) {
				report(n)
				return false
			}
		}
		return true
	})
	return found
}

// isSQL leaves prose alone: an error's text has no upper-case keyword.
func isSQL(text string) bool {
	match := sqlText.FindString(text)
	return match != "" && (match == strings.ToUpper(match) || strings.Contains(strings.ToLower(text), " from "))
}

var formatters = map[string]bool{
	"fmt.Sprintf": true, "fmt.Sprint": true, "fmt.Sprintln": true, "fmt.Fprintf": true, "fmt.Fprint": true, "fmt.Appendf": true,
	"strings.Replace": true, "strings.ReplaceAll": true, "strings.Join": true, "strings.NewReplacer": true, "bytes.Replace": true, "bytes.ReplaceAll": true,
}

func isFormatter(fun ast.Expr) bool {
	selector, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && formatters[pkg.Name+"."+selector.Sel.Name]
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		text, err := strconv.Unquote(lit.Value)
		if err == nil {
			return text
		}
	}
	return ""
}

// constant reports whether a sum has literals only.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.ParenExpr:
		return constant(e.X)
	case *ast.BinaryExpr:
		return constant(e.X) && constant(e.Y)
	}
	return false
}

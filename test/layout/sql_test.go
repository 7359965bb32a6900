package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No string is formatted into SQL: what is sent to the store is a constant of
// the source or an embedded file, and values are bound parameters. The files
// here put statements together all the same, from names, never from values.
var builders = map[string]string{
	"internal/query/engine.go":                       "sends a statement, which only takes fragments; a test beside it sees that these are constants",
	"internal/store/send.go":                         "names of tables and columns, constants of the package",
	"internal/embedded/handler.go":                   "the id that it gave a statement, quoted, to kill it: the engine's own interface binds nothing",
	"internal/embedded/embeddedtest/embeddedtest.go": "a counter in the name of a test's database",
	"migrations/migrations.go":                       "names from the configuration, quoted, in definitions, where nothing can be bound",
	"migrations/retention.go":                        "names from the configuration, quoted, in definitions, where nothing can be bound",
}

func TestNoStringIsFormattedIntoSQL(t *testing.T) {
	needed := map[string]bool{}
	sent := 0
	for dir, files := range sources(t, "../..") {
		found, statements := faultySQL(t, files)
		sent += statements
		for path, faults := range found {
			name, err := filepath.Rel("../..", filepath.Join(dir, path))
			require.NoError(t, err)
			if _, allowed := builders[name]; !allowed {
				assert.Empty(t, faults, "%s: bind a parameter instead", name)
			}
			needed[name] = true
		}
	}
	assert.Greater(t, sent, 15, "statements that were looked at")
	for name := range builders {
		assert.Contains(t, needed, name, "it needs no exception")
	}
}

func TestFormattedSQLIsFound(t *testing.T) {
	for _, bad := range []string{
		`conn.Query(ctx, fmt.Sprintf("SELECT * FROM requests WHERE model = '%s'", x))`,
		`conn.QueryRow(ctx, "SELECT * FROM " + x)`,
		`conn.Exec(ctx, x)`,
		`conn.Exec(ctx, exported)`, // whoever calls it from elsewhere
		`conn.Select(ctx, &rows, x)`,
		`conn.PrepareBatch(ctx, variable)`,
		`conn.Query(ctx, b.String())`,
		`relay(1, x)`,
		`twice("a", x)`,
		`s.method(ctx, fmt.Sprint("select 1 from t where a = ", x))`,
		`text := "SELECT 1 FROM t WHERE a = "; text += x; conn.Query(ctx, text)`,
		`use(fmt.Sprint("select 1 from t where a = ", x))`,
		`use(strings.ReplaceAll("DELETE FROM t WHERE id = ?", "?", x))`,
		"use(strings.Join([]string{x}, ` UNION ALL `))",
		`use(x + " ORDER BY end")`,
		`b.WriteString("SELECT * FROM t WHERE a = " + x)`,
		`fmt.Fprintf(b, "ALTER TABLE %s DELETE", x)`,
	} {
		found, _ := faultySQL(t, map[string]any{"bad.go": snippet(bad)})
		assert.NotEmpty(t, found, bad)
	}
	for _, good := range []string{
		`conn.Query(ctx, "SELECT 1 " + "FROM t WHERE a = {a:String}", clickhouse.Named("a", x))`, `conn.Query(ctx, constant, x)`,
		`conn.Exec(ctx, embedded)`, `relay(2, "SELECT 1")`, `twice("SELECT 2", constant)`, `c.Request.URL.Query()`,
		`use(fmt.Sprintf("select at most %d rows", x))`, `use(fmt.Errorf("where %s is: %w", x, err))`, `s.method(ctx, constant)`,
	} {
		found, statements := faultySQL(t, map[string]any{"good.go": snippet(good)})
		assert.Empty(t, found, good)
		assert.GreaterOrEqual(t, statements, 2, "those of the helpers")
	}
}

func snippet(statement string) string {
	return `package p
const constant = "SELECT 1"
//go:embed x.sql
var embedded string
var variable, x string
func relay(n int, sql string) { conn.Query(ctx, sql, n) }
func twice(name, sql string) { relay(1, sql) }
func (s *S) method(ctx context.Context, sql string, args ...any) { s.conn.Exec(ctx, sql, args...) }
func Example(exported string) { ` + statement + ` }`
}

// sources returns the Go files of each package, but for tests, what is
// generated, and modules of their own.
func sources(t *testing.T, root string) map[string]map[string]any {
	found := map[string]map[string]any{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || slices.Contains([]string{"node_modules", "bench", "bin", "testdata"}, name)) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(name, ".gen.go") {
			dir := filepath.Dir(path)
			if found[dir] == nil {
				found[dir] = map[string]any{}
			}
			found[dir][name] = nil
		}
		return nil
	})
	require.NoError(t, err)
	for dir, files := range found {
		for name := range files {
			files[name] = filepath.Join(dir, name)
		}
	}
	return found
}

// senders are the driver's methods that send a statement, and which argument it is.
var senders = map[string]int{"Query": 1, "QueryRow": 1, "Exec": 1, "PrepareBatch": 1, "AsyncInsert": 1, "Select": 2}

// sqlPackage is one package, while its SQL is looked at.
type sqlPackage struct {
	set       *token.FileSet
	files     map[string]*ast.File
	constants map[string]bool           // names of constants and embedded files
	relays    map[string]int            // functions that send one of their arguments, and which
	faults    map[string]map[int]string // by file and line
	sent      int
}

// faultySQL returns, by file, the places of a package where SQL is put together
// or sent that is no constant, and how many statements are sent. A file's
// source is read from a path, or is text that says "package".
func faultySQL(t *testing.T, files map[string]any) (map[string][]string, int) {
	p := &sqlPackage{set: token.NewFileSet(), files: map[string]*ast.File{}, constants: map[string]bool{}, relays: map[string]int{}, faults: map[string]map[int]string{}}
	for name, source := range files {
		path, _ := source.(string)
		var text any
		if strings.HasPrefix(path, "package") {
			path, text = name, path
		}
		file, err := parser.ParseFile(p.set, path, text, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		p.files[name] = file
		p.collect(file)
	}
	for known := -1; known != len(p.relays); { // until no function more passes a statement on
		known = len(p.relays)
		p.sent = 0
		clear(p.faults)
		for name, file := range p.files {
			p.look(name, file)
		}
	}
	found := map[string][]string{}
	for name, lines := range p.faults {
		for _, line := range slices.Sorted(maps.Keys(lines)) {
			found[name] = append(found[name], lines[line])
		}
	}
	return found, p.sent
}

// collect notes the constants and embedded files of a file.
func (p *sqlPackage) collect(file *ast.File) {
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.CONST && general.Tok != token.VAR {
			continue
		}
		embedded := strings.Contains(comment(general.Doc), "go:embed")
		for _, spec := range general.Specs {
			value := spec.(*ast.ValueSpec)
			if general.Tok == token.CONST || embedded || strings.Contains(comment(value.Doc), "go:embed") {
				for _, name := range value.Names {
					p.constants[name.Name] = true
				}
			}
		}
	}
}

func comment(group *ast.CommentGroup) (text string) {
	if group != nil {
		for _, line := range group.List { // Text leaves directives out
			text += line.Text
		}
	}
	return text
}

func (p *sqlPackage) look(file string, root *ast.File) {
	for _, declaration := range root.Decls {
		function, _ := declaration.(*ast.FuncDecl)
		ast.Inspect(declaration, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if at, sends := p.sends(n); sends {
					p.sent++
					p.statement(file, function, n.Args[at])
				}
				if isFormatter(n.Fun) && slices.ContainsFunc(n.Args, func(e ast.Expr) bool { return isSQL(literal(e)) }) {
					p.fault(file, n)
				}
			case *ast.BinaryExpr:
				if n.Op == token.ADD && (isSQL(literal(n.X)) || isSQL(literal(n.Y))) && !p.constant(n) {
					p.fault(file, n)
				}
			}
			return true
		})
	}
}

// sends reports which argument of a call is a statement.
func (p *sqlPackage) sends(call *ast.CallExpr) (at int, sends bool) {
	fun := call.Fun
	if generic, ok := fun.(*ast.IndexExpr); ok {
		fun = generic.X
	}
	switch fun := fun.(type) {
	case *ast.SelectorExpr:
		if at, sends = senders[fun.Sel.Name]; !sends {
			at, sends = p.relays["."+fun.Sel.Name]
		}
	case *ast.Ident:
		at, sends = p.relays[fun.Name]
	}
	return at, sends && len(call.Args) > at
}

// statement checks what is sent. A function of the package that sends one of its
// parameters is looked at where it is called.
func (p *sqlPackage) statement(file string, function *ast.FuncDecl, sent ast.Expr) {
	if sum, ok := sent.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		p.statement(file, function, sum.X)
		p.statement(file, function, sum.Y)
		return
	}
	if p.constant(sent) {
		return
	}
	if name, ok := sent.(*ast.Ident); ok && function != nil && !function.Name.IsExported() {
		at := 0
		for _, field := range function.Type.Params.List {
			for _, parameter := range field.Names {
				if parameter.Name == name.Name {
					relay := function.Name.Name
					if function.Recv != nil {
						relay = "." + relay
					}
					p.relays[relay] = at
					return
				}
				at++
			}
		}
	}
	p.fault(file, sent)
}

func (p *sqlPackage) fault(file string, n ast.Node) {
	if p.faults[file] == nil {
		p.faults[file] = map[int]string{}
	}
	line := p.set.Position(n.Pos()).Line
	p.faults[file][line] = "line " + strconv.Itoa(line)
}

// constant reports whether an expression is made of literals, constants and
// embedded files only.
func (p *sqlPackage) constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return p.constants[e.Name]
	case *ast.ParenExpr:
		return p.constant(e.X)
	case *ast.BinaryExpr:
		return p.constant(e.X) && p.constant(e.Y)
	}
	return false
}

// sqlText looks like a statement or a clause of one.
var sqlText = regexp.MustCompile(`(?i)\b(SELECT|INSERT INTO|ALTER TABLE|CREATE (TABLE|DATABASE)|DROP (TABLE|DATABASE)|DELETE FROM|WHERE|GROUP BY|ORDER BY|UNION ALL|PREWHERE|SETTINGS|FORMAT Native|KILL QUERY)\b`)

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

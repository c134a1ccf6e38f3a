package rollcall_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What Redis removes by time, it removes by its own TIME: a clock of ours may be
// days off. These commands remove by a point in time, so only a script that reads
// TIME may send them.
var byTime = regexp.MustCompile(`(?i)^(zremrangebyscore|h?p?expireat|[pe]xat)$`)

// TestRedisRemovesByItsOwnTime looks for such commands in production code.
func TestRedisRemovesByItsOwnTime(t *testing.T) {
	checked := map[string]int{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path == "internal/redistest" || path == "bench" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		if dir := filepath.Dir(path); dir == "internal/acl" || dir == "internal/doctor" { // they name rights
			return nil
		}
		kind := filepath.Ext(path)
		if kind != ".go" && kind != ".lua" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		checked[kind]++
		for _, fault := range map[string]func(string, string) []string{".go": goByTime, ".lua": luaByTime}[kind](path, string(text)) {
			t.Error(fault)
		}
		return nil
	})
	if err != nil || checked[".go"] < 50 || checked[".lua"] < 5 {
		t.Errorf("checked %v files: %v", checked, err)
	}
}

// goByTime finds the commands in Go: as methods of a client, and as words.
func goByTime(path, text string) (faults []string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		word := ""
		switch n := n.(type) {
		case *ast.SelectorExpr:
			word = n.Sel.Name
		case *ast.BasicLit:
			word = strings.Trim(n.Value, "\"`")
		}
		if byTime.MatchString(word) {
			faults = append(faults, fmt.Sprintf("%s: %s removes by a time of ours: use a script that reads TIME", files.Position(n.Pos()), word))
		}
		return true
	})
	return faults
}

// luaByTime finds the scripts that send the commands and do not read TIME.
func luaByTime(path, text string) (faults []string) {
	readsTime := strings.Contains(text, "redis.call('TIME')")
	for _, quoted := range regexp.MustCompile(`'[^']*'`).FindAllString(text, -1) {
		if word := strings.Trim(quoted, "'"); byTime.MatchString(word) && !readsTime {
			faults = append(faults, fmt.Sprintf("%s: %s without TIME", path, word))
		}
	}
	return faults
}

// TestByTimeFinds breaks the rule once in each way.
func TestByTimeFinds(t *testing.T) {
	for _, tc := range []struct {
		find func(string, string) []string
		text string
		want int
	}{
		{goByTime, "package p; func f() { c.ZRemRangeByScore(ctx, key, min, max) }", 1},
		{goByTime, "package p; func f() { c.Do(ctx, \"pexpireat\", key, ms) }", 1},
		{goByTime, "package p; func f() { c.PExpireAt(ctx, key, at); c.HExpireAt(ctx, key, at) }", 2},
		{goByTime, "package p; func f() { c.PExpire(ctx, key, ttl); c.ZRem(ctx, key, member) }", 0},
		{luaByTime, "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])", 1},
		{luaByTime, "local t = redis.call('TIME')\nredis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', t[1])", 0},
	} {
		if got := tc.find("p", tc.text); len(got) != tc.want {
			t.Errorf("%s: %q, want %d", tc.text, got, tc.want)
		}
	}
}

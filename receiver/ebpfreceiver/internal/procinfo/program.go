// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"bytes"
	"path"
	"strings"
)

// programName returns what an interpreter runs, by its command line (arguments, each ended by a zero byte), or "": the
// service of a thousand Python programs is not `python3`. It is the base name of the script or archive, without the ending
// that says its language; of a module or a Java class, the whole name. No other argument is looked at, as arguments may
// be secrets.
//
//	python3 /srv/shop/app.py          app
//	python3 -m shop.web               shop.web
//	java -Xmx1g -jar /srv/shop.jar    shop
//	java -cp lib example.shop.Main    example.shop.Main
//	node --enable-source-maps web.js  web
//
// Options that take the next argument for their value are in the table below; no other option of these programs does.
func programName(executable string, cmdline []byte) string {
	known, ok := interpreterOf(path.Base(executable))
	if !ok {
		return ""
	}
	arguments := strings.Split(strings.TrimRight(string(bytes.ToValidUTF8(cmdline, nil)), "\x00"), "\x00")
	for i := 1; i < len(arguments); i++ {
		argument := arguments[i]
		value := ""
		if i+1 < len(arguments) {
			value = arguments[i+1]
		}
		switch {
		case argument == "-" || argument == "--" || known.contains(known.code, argument):
			return ""
		case known.contains(known.names, argument):
			return scriptName(value)
		case known.contains(known.takes, argument):
			i++
		case !strings.HasPrefix(argument, "-"):
			return scriptName(argument)
		}
	}
	return ""
}

// interpreter is how a program that runs other programs is called.
type interpreter struct {
	prefix string // of the executable's base name; versions follow
	takes  string // options that have a value in the next argument
	names  string // options whose value is the program
	code   string // options whose value is code, so that there is no program to name
}

// contains says whether option is one of a list.
func (interpreter) contains(list, option string) bool {
	for known := range strings.FieldsSeq(list) {
		if known == option {
			return true
		}
	}
	return false
}

// interpreterOf returns the interpreter of that base name, if it is one.
func interpreterOf(name string) (interpreter, bool) {
	for _, known := range []interpreter{
		{prefix: "python", takes: "-W -X --check-hash-based-pycs", names: "-m", code: "-c"},
		{prefix: "pypy", takes: "-W -X", names: "-m", code: "-c"},
		{prefix: "node", takes: "-r --require --import --loader --experimental-loader --env-file -C --conditions", code: "-e --eval -p --print"},
		{prefix: "java", takes: "-cp -classpath --class-path -p --module-path --add-modules --add-opens --add-exports --add-reads", names: "-jar -m --module"},
		{prefix: "ruby", takes: "-r -I -C -E", code: "-e"},
		{prefix: "perl", takes: "-I", code: "-e -E"},
		{prefix: "php", takes: "-c -d -z", names: "-f", code: "-r -B -R -E -S"},
		{prefix: "dotnet", takes: "--additionalprobingpath --additional-deps --fx-version --roll-forward", names: "exec"},
	} {
		if version, ok := strings.CutPrefix(name, known.prefix); ok && strings.Trim(version, "0123456789.") == "" {
			return known, true
		}
	}
	return interpreter{}, false
}

// scriptName returns what a script, archive, module or class is called.
func scriptName(argument string) string {
	if argument == "" {
		return ""
	}
	base := path.Base(argument)
	for _, ending := range []string{".py", ".pyc", ".js", ".mjs", ".cjs", ".ts", ".jar", ".war", ".rb", ".pl", ".php", ".dll"} {
		if stem, ok := strings.CutSuffix(base, ending); ok && stem != "" {
			return stem
		}
	}
	if base == "." || base == "/" {
		return ""
	}
	return base
}

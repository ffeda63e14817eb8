// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReadEnvironment(t *testing.T) {
	tests := map[string]struct {
		environ []string
		want    string
	}{
		"nothing set":                          {[]string{"PATH=/bin"}, ""},
		"by its own variable":                  {[]string{"A=b", "OTEL_SERVICE_NAME=shop"}, "shop"},
		"its own variable wins":                {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a", "OTEL_SERVICE_NAME=shop"}, "shop"},
		"an empty variable is unset":           {[]string{"OTEL_SERVICE_NAME=", "OTEL_RESOURCE_ATTRIBUTES=service.name=a"}, "a"},
		"among other attributes":               {[]string{"OTEL_RESOURCE_ATTRIBUTES=k=v, service.name = a ,x=y"}, "a"},
		"percent-encoded":                      {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a%20b%2Cc+d"}, "a b,c+d"},
		"the last of two wins":                 {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a,service.name=b"}, "b"},
		"a broken pair spoils the list":        {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a,b"}, ""},
		"a broken escape spoils the list":      {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=%zz"}, ""},
		"a variable that only ends in it":      {[]string{"MY_OTEL_SERVICE_NAME=shop"}, ""},
		"an attribute that only ends in it":    {[]string{"OTEL_RESOURCE_ATTRIBUTES=my.service.name=a"}, ""},
		"a value with an equals sign is whole": {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a=b"}, "a=b"},
		"a list that is too long":              {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a,k=" + strings.Repeat("x", maxAttributes)}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, readEnvironment([]byte(strings.Join(test.environ, "\x00")+"\x00")).service)
		})
	}
}

func TestAttributesAreDecoded(t *testing.T) {
	e := readEnvironment([]byte("OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=prod, k%31=a%2Cb,service.name=a,k=1,k=2\x00OTEL_SERVICE_NAME=b\x00"))
	assert.Equal(t, map[string]string{
		"deployment.environment.name": "prod", "k1": "a,b", "service.name": "a", "k": "2",
	}, maps.Collect(e.attributes.All()))
	assert.Equal(t, "b", e.service)
	assert.Empty(t, maps.Collect(Attributes("").All()))
}

func TestProgramName(t *testing.T) {
	tests := map[string]struct{ executable, cmdline, want string }{
		"a script":                        {"/usr/bin/python3.11", "python3 -u /srv/shop/app.py --secret x", "app"},
		"a module":                        {"/usr/bin/python3.11", "python3 -W ignore -m shop.web", "shop.web"},
		"a tool":                          {"/opt/venv/bin/python3", "/opt/venv/bin/python3 /opt/venv/bin/gunicorn app:app", "gunicorn"},
		"an archive":                      {"/usr/lib/jvm/bin/java", "java -Xmx1g -Dkey=secret -jar /srv/shop.jar", "shop"},
		"a class":                         {"/usr/lib/jvm/bin/java", "java -cp lib/* example.shop.Main x", "example.shop.Main"},
		"a Node script":                   {"/usr/bin/node", "node -r dotenv/config --enable-source-maps web.mjs", "web"},
		"a .NET assembly":                 {"/usr/bin/dotnet", "dotnet Shop.dll", "Shop"},
		"code":                            {"/usr/bin/python3.11", "python3 -c secret", ""},
		"standard input":                  {"/usr/bin/python3.11", "python3 -", ""},
		"no argument":                     {"/usr/bin/python3.11", "python3", ""},
		"an option without its value":     {"/usr/bin/python3.11", "python3 -m", ""},
		"no interpreter":                  {"/usr/sbin/nginx", "nginx -c secret", ""},
		"a name that only begins like it": {"/usr/bin/node_exporter", "node_exporter x", ""},
		"no command line":                 {"/usr/bin/node", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, programName(test.executable, []byte(strings.ReplaceAll(test.cmdline, " ", "\x00")+"\x00")))
		})
	}
}

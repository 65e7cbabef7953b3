// Package helm checks the chart of deploy/helm by Helm's own code: lint, rendering, and each object against the types of
// the API that takes it. A cluster is not tried.
package helm

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	disruption "k8s.io/api/policy/v1"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the goldens and deploy/kubernetes.yaml anew")

const (
	folder    = "../../helm/vpsbot"
	rendered  = "../../kubernetes.yaml"
	namespace = "vpsbot"
)

// sets are the value files of testdata.
var sets = []string{"default", "full", "gateway", "sqlite", "bare"}

func TestMain(m *testing.M) {
	flag.Parse()
	log.SetOutput(discardLinks{}) // Helm says of each link in a chart that it is one
	os.Exit(m.Run())
}

type discardLinks struct{}

func (discardLinks) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("found symbolic link")) {
		return len(line), nil
	}
	return os.Stderr.Write(line)
}

func values(t *testing.T, set string) chartutil.Values {
	t.Helper()
	v, err := chartutil.ReadValuesFile(filepath.Join("testdata/values", set+".yaml"))
	require.NoError(t, err)
	return v
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(folder)
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	return c
}

// render returns the files that helm template would print, by their names.
func render(t *testing.T, v chartutil.Values) (map[string]string, error) {
	t.Helper()
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	c := load(t)
	require.True(t, chartutil.IsCompatibleRange(c.Metadata.KubeVersion, capabilities.KubeVersion.Version))
	all, err := chartutil.ToRenderValues(c, v, chartutil.ReleaseOptions{Name: "vpsbot", Namespace: namespace, Revision: 1, IsInstall: true}, capabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(c, all)
}

// object is a manifest, and what says what it is.
type object struct {
	file, kind, name, text string
}

// objects returns the manifests in the order of their files' names.
func objects(t *testing.T, files map[string]string) (all []object) {
	t.Helper()
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(file, ".yaml") {
			continue
		}
		for text := range strings.SplitSeq("\n"+files[file], "\n---\n") {
			if strings.TrimSpace(text) == "" {
				continue
			}
			var head struct {
				Kind     string
				Metadata struct{ Name, Namespace string }
			}
			require.NoError(t, yaml.Unmarshal([]byte(text), &head), text)
			require.Equal(t, namespace, head.Metadata.Namespace, text)
			all = append(all, object{filepath.Base(file), head.Kind, head.Metadata.Name, strings.TrimSpace(text)})
		}
	}
	return all
}

// taken returns a value of the type that a kind of object is decoded into.
func taken(kind string) any {
	switch kind {
	case "Deployment":
		return &apps.Deployment{}
	case "Service":
		return &core.Service{}
	case "ServiceAccount":
		return &core.ServiceAccount{}
	case "ConfigMap":
		return &core.ConfigMap{}
	case "PersistentVolumeClaim":
		return &core.PersistentVolumeClaim{}
	case "Ingress":
		return &networking.Ingress{}
	case "NetworkPolicy":
		return &networking.NetworkPolicy{}
	case "PodDisruptionBudget":
		return &disruption.PodDisruptionBudget{}
	case "HTTPRoute":
		return &gateway.HTTPRoute{}
	case "ServiceMonitor":
		return &monitoring.ServiceMonitor{}
	case "PrometheusRule":
		return &monitoring.PrometheusRule{}
	}
	return nil
}

// find decodes the one object of a kind and a name.
func find[T any](t *testing.T, all []object, kind, name string) T {
	t.Helper()
	var found T
	at := slices.IndexFunc(all, func(o object) bool { return o.kind == kind && o.name == name })
	require.GreaterOrEqual(t, at, 0, "there is no %s %s", kind, name)
	require.NoError(t, yaml.UnmarshalStrict([]byte(all[at].text), &found))
	return found
}

func kinds(all []object) (names []string) {
	for _, o := range all {
		names = append(names, o.kind+"/"+o.name)
	}
	return names
}

func rendering(t *testing.T, set string) []object {
	t.Helper()
	files, err := render(t, values(t, set))
	require.NoError(t, err, set)
	return objects(t, files)
}

// helm lint --strict finds nothing in any set.
func TestLint(t *testing.T) {
	for _, set := range sets {
		linter := lint.AllWithKubeVersion(folder, values(t, set), namespace, &chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"})
		for _, m := range linter.Messages {
			require.Less(t, m.Severity, support.WarningSev, "%s: %s", set, m)
		}
	}
}

// Each set renders what its golden has, and each object has no field that its type does not know.
func TestTemplates(t *testing.T) {
	for _, set := range sets {
		var golden strings.Builder
		for _, o := range rendering(t, set) {
			into := taken(o.kind)
			require.NotNil(t, into, "%s: no type is known for %s", set, o.kind)
			require.NoError(t, yaml.UnmarshalStrict([]byte(o.text), into), "%s: %s", set, o.text)
			text := o.text
			if o.file == "monitoring.yaml" && o.kind != "ServiceMonitor" { // TestOneSource holds it, others change it
				text = fmt.Sprintf("# %s %s: what deploy/ has", o.kind, o.name)
			}
			fmt.Fprintf(&golden, "---\n%s\n", text)
		}
		compare(t, filepath.Join("testdata/golden", set+".yaml"), golden.String())
	}
}

const head = `# vpsbot on Kubernetes without Helm: what deploy/helm/vpsbot renders by default. docs/deploy.md says how it is set up.
# Put your version in the place of 0.0.0, your address in that of vpsbot.example.com, and your rules into the policy.
# It is made by "go -C deploy/test test ./helm -update", and not changed by hand.
`

// deploy/kubernetes.yaml is what the default values render.
func TestKubernetesIsTheDefault(t *testing.T) {
	text := head
	for _, o := range rendering(t, "default") {
		text += "---\n" + o.text + "\n"
	}
	compare(t, rendered, text)
}

func compare(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "%s: if it is meant so: go -C deploy/test test ./helm -update, and look at the difference", path)
}

// What is switched off is not there, and what is on is.
func TestSwitches(t *testing.T) {
	always := []string{"Deployment/vpsbot", "Service/vpsbot", "ServiceAccount/vpsbot"}
	policy, metrics, network, budget := "ConfigMap/vpsbot-policy", "Service/vpsbot-metrics", "NetworkPolicy/vpsbot", "PodDisruptionBudget/vpsbot"
	for set, more := range map[string][]string{
		"default": {policy, metrics, network, budget},
		"full":    {metrics, network, budget, "Ingress/vpsbot", "ServiceMonitor/vpsbot", "PrometheusRule/vpsbot", "ConfigMap/vpsbot-dashboards"},
		"gateway": {policy, metrics, network, budget, "HTTPRoute/vpsbot"},
		"sqlite":  {policy, metrics, network, "PersistentVolumeClaim/vpsbot"},
		"bare":    {policy},
	} {
		require.ElementsMatch(t, append(more, always...), kinds(rendering(t, set)), set)
	}
}

// Alerts and dashboards are those of deploy/prometheus and deploy/grafana.
func TestOneSource(t *testing.T) {
	all := rendering(t, "full")
	raw, err := os.ReadFile("../../prometheus/alerts.yaml")
	require.NoError(t, err)
	var spec monitoring.PrometheusRuleSpec
	require.NoError(t, yaml.UnmarshalStrict(raw, &spec))
	require.NotEmpty(t, spec.Groups)
	require.Equal(t, spec, find[monitoring.PrometheusRule](t, all, "PrometheusRule", "vpsbot").Spec)

	boards := find[core.ConfigMap](t, all, "ConfigMap", "vpsbot-dashboards").Data
	files, err := filepath.Glob("../../grafana/*.json")
	require.NoError(t, err)
	require.Len(t, boards, len(files))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		require.JSONEq(t, string(raw), boards[filepath.Base(file)])
	}
}

// Values that cannot work are refused with their reason.
func TestRefusedValues(t *testing.T) {
	for v, says := range map[string]string{
		"{replicas: 2, sqlite: {enabled: true}}":     "a SQLite file serves one replica: set replicas=1",
		"{publicURL: 'http://bot.example.com'}":      "publicURL",
		"{publicURL: 'https://bot.example.com/mcp'}": "publicURL",
		"{publicURL: 'https://bot.example.com?a=b'}": "publicURL",
		"{publicURL: 'https://ada@bot.example.com'}": "publicURL",
		"{replica: 3}":                                                 "replica",
		"{settings: {VPS_API_TOKEN: vps_1}}":                           "settings.VPS_API_TOKEN is a secret",
		"{settings: {SLACK_BOT_TOKEN_FILE: /x}}":                       "settings.SLACK_BOT_TOKEN_FILE is a secret",
		"{settings: {OTEL_EXPORTER_OTLP_TRACES_HEADERS: a=b}}":         "settings.OTEL_EXPORTER_OTLP_TRACES_HEADERS is a secret",
		"{settings: {VPSBOT_LISTEN: ':1'}}":                            "settings.VPSBOT_LISTEN is set by the chart itself",
		"{settings: {CREDENTIALS_DIRECTORY: /x}}":                      "CREDENTIALS_DIRECTORY",
		"{settings: {VPSBOT_READ_ONLY: true}}":                         "VPSBOT_READ_ONLY",
		"{policy: ' '}":                                                "policy is empty",
		"{secrets: []}":                                                "secrets",
		"{httpRoute: {enabled: true}}":                                 "parentRefs",
		"{metrics: {enabled: false, serviceMonitor: {enabled: true}}}": "serviceMonitor",
		"{metrics: {port: 8484}}":                                      "metrics.port: 8484 is that of people",
		"{networkPolicy: {moreEgress: [x]}}":                           "moreEgress",
	} {
		values, err := chartutil.ReadValues([]byte(v))
		require.NoError(t, err)
		_, err = render(t, values)
		require.ErrorContains(t, err, says, v)
		require.NotContains(t, err.Error(), "'not' failed", "that says nothing")
	}
	// The template refuses where the schema is not asked too (helm template --skip-schema-validation).
	c := load(t)
	all, err := chartutil.ToRenderValuesWithSchemaValidation(c, chartutil.Values{"replicas": 2, "sqlite": map[string]any{"enabled": true}},
		chartutil.ReleaseOptions{Name: "vpsbot", Namespace: namespace}, nil, true)
	require.NoError(t, err)
	_, err = engine.Engine{Strict: true}.Render(c, all)
	require.ErrorContains(t, err, "a SQLite file serves one replica: set replicas=1")
}

// The pod keeps to the restricted profile of Pod Security, has no secret in its environment, and time to end.
func TestPod(t *testing.T) {
	for _, set := range sets {
		d := find[apps.Deployment](t, rendering(t, set), "Deployment", "vpsbot")
		pod := d.Spec.Template.Spec
		require.False(t, *pod.EnableServiceLinks)
		require.False(t, *pod.AutomountServiceAccountToken)
		require.True(t, *pod.SecurityContext.RunAsNonRoot)
		require.NotZero(t, *pod.SecurityContext.RunAsUser)
		require.Equal(t, core.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
		require.False(t, pod.HostNetwork || pod.HostPID || pod.HostIPC)
		require.Len(t, pod.Containers, 1)
		c := pod.Containers[0]
		require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
		require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
		require.Equal(t, []core.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
		for _, volume := range pod.Volumes {
			require.Nil(t, volume.HostPath)
		}
		const endsWithin = 15 // seconds, of serve; cmd/vpsbot tests it
		require.Greater(t, *pod.TerminationGracePeriodSeconds, c.Lifecycle.PreStop.Sleep.Seconds+endsWithin)
		require.Equal(t, "/healthz", c.LivenessProbe.HTTPGet.Path)
		require.Equal(t, "/readyz", c.ReadinessProbe.HTTPGet.Path)
		require.Equal(t, []string{"serve"}, c.Args)
		seen := map[string]bool{}
		for _, e := range c.Env {
			require.NotRegexp(t, "TOKEN|SECRET|_KEY", e.Name)
			require.Nil(t, e.ValueFrom, e.Name)
			require.False(t, seen[e.Name], "%s is there twice", e.Name)
			seen[e.Name] = true
		}
		if set == "sqlite" {
			require.Equal(t, apps.RecreateDeploymentStrategyType, d.Spec.Strategy.Type)
			continue
		}
		require.Equal(t, "1 0", fmt.Sprint(d.Spec.Strategy.RollingUpdate.MaxSurge, " ", d.Spec.Strategy.RollingUpdate.MaxUnavailable))
		require.GreaterOrEqual(t, *d.Spec.Replicas, int32(2))
	}
}

// The Services, the routes and the monitor lead to the ports of the pod.
func TestWiring(t *testing.T) {
	all := rendering(t, "full")
	pod := find[apps.Deployment](t, all, "Deployment", "vpsbot").Spec.Template
	has := func(selector map[string]string, labels map[string]string) {
		for k, v := range selector {
			require.Equal(t, v, labels[k])
		}
	}
	ports := map[string]int32{}
	for _, p := range pod.Spec.Containers[0].Ports {
		ports[p.Name] = p.ContainerPort
	}
	require.Equal(t, map[string]int32{"http": 8484, "metrics": 9484}, ports)
	service, metrics := find[core.Service](t, all, "Service", "vpsbot"), find[core.Service](t, all, "Service", "vpsbot-metrics")
	for _, s := range []core.Service{service, metrics} {
		has(s.Spec.Selector, pod.Labels)
		require.Len(t, s.Spec.Ports, 1)
		require.Contains(t, ports, s.Spec.Ports[0].TargetPort.StrVal)
	}
	monitor := find[monitoring.ServiceMonitor](t, all, "ServiceMonitor", "vpsbot")
	has(monitor.Spec.Selector.MatchLabels, metrics.Labels)
	require.NotEqual(t, metrics.Labels, service.Labels, "the other Service would be scraped too")
	require.Equal(t, metrics.Spec.Ports[0].Name, monitor.Spec.Endpoints[0].Port)
	has(find[disruption.PodDisruptionBudget](t, all, "PodDisruptionBudget", "vpsbot").Spec.Selector.MatchLabels, pod.Labels)
	has(find[networking.NetworkPolicy](t, all, "NetworkPolicy", "vpsbot").Spec.PodSelector.MatchLabels, pod.Labels)
	rule := find[networking.Ingress](t, all, "Ingress", "vpsbot").Spec.Rules[0]
	require.Equal(t, "bot.example.com", rule.Host)
	require.Equal(t, service.Spec.Ports[0].Name, rule.HTTP.Paths[0].Backend.Service.Port.Name)
	route := find[gateway.HTTPRoute](t, rendering(t, "gateway"), "HTTPRoute", "vpsbot")
	require.Equal(t, service.Spec.Ports[0].Port, int32(*route.Spec.Rules[0].BackendRefs[0].Port))
	require.Equal(t, gateway.Hostname("bot.example.com"), route.Spec.Hostnames[0])
}

// The notes name the Secret, the key and the address.
func TestNotes(t *testing.T) {
	for set, says := range map[string][]string{
		"default": {"https://vpsbot.example.com/mcp", "create secret generic vpsbot --from-file=VPS_API_TOKEN --from-file=VPSBOT_DATABASE_URL", "Nothing leads to"},
		"sqlite":  {"create secret generic vpsbot --from-file=VPS_API_TOKEN\n"},
		"full":    {"exec -it deployment/vpsbot -- vpsbot keys create NAME"},
	} {
		files, err := render(t, values(t, set))
		require.NoError(t, err)
		for _, text := range says {
			require.Contains(t, files["vpsbot/templates/NOTES.txt"], text, set)
		}
	}
}

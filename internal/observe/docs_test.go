package observe

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	require.NoError(t, err)
	return text
}

// row is a line of the page's table. The values of a label are listed where they are few.
func (m *metric) row() string {
	var labels []string
	for _, l := range m.labels {
		text := "`" + l.name + "`"
		if len(l.values) <= 6 {
			text += ": " + strings.Join(l.values, ", ")
		}
		labels = append(labels, text)
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |", m.name, m.kind, strings.Join(labels, "; "), m.help)
}

// The page has each metric, in this order, and no other.
func TestPageListsTheMetrics(t *testing.T) {
	t.Parallel()
	var want []string
	for _, d := range all {
		want = append(want, d.row())
	}
	got := regexp.MustCompile("(?m)^\\| `vpsbot_.*$").FindAllString(string(read(t, "docs/operations-guide.md")), -1)
	require.Equal(t, strings.Join(want, "\n"), strings.Join(got, "\n"))
}

var (
	aMetric  = regexp.MustCompile(`\b(vpsbot|go|process)_\w+`)
	selector = regexp.MustCompile(`\b(vpsbot_\w+)\{([^}]*)\}`)
	aMatcher = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
)

// ofTarget are the labels that Prometheus adds to each sample; le is a histogram's own.
var ofTarget = []string{"instance", "pod", "job", "le"}

// exported returns the metric that a name of a sample belongs to; nil: there is none.
func exported(sample string) *metric {
	for _, d := range all {
		names := []string{d.name}
		if d.kind == histogram {
			names = []string{d.name + "_bucket", d.name + "_sum", d.name + "_count"}
		}
		if slices.Contains(names, sample) {
			return d
		}
	}
	return nil
}

func (m *metric) labelNames() (names []string) {
	for _, l := range m.labels {
		names = append(names, l.name)
	}
	return names
}

// checkExpression fails for a metric, a label or a value that is not exported. It returns our metrics.
func checkExpression(expression string) (used []*metric, err error) {
	labels := slices.Clone(ofTarget)
	for _, found := range aMetric.FindAllStringSubmatch(expression, -1) {
		d := exported(found[0])
		if d == nil && !slices.Contains(others, found[0]) {
			return nil, fmt.Errorf("%s in %s is not exported", found[0], expression)
		}
		if d != nil {
			used, labels = append(used, d), append(labels, d.labelNames()...)
		}
	}
	if !aMetric.MatchString(expression) {
		return nil, fmt.Errorf("%s has no metric", expression)
	}
	for _, found := range selector.FindAllStringSubmatch(expression, -1) {
		for _, m := range aMatcher.FindAllStringSubmatch(found[2], -1) {
			if err := exported(found[1]).checkMatcher(m[1], m[2], m[3]); err != nil {
				return nil, fmt.Errorf("%s: %w", expression, err)
			}
		}
	}
	for _, found := range grouping.FindAllStringSubmatch(expression, -1) {
		for name := range strings.SplitSeq(found[1], ",") {
			if !slices.Contains(labels, strings.TrimSpace(name)) {
				return nil, fmt.Errorf("%s groups by %s", expression, name)
			}
		}
	}
	return used, nil
}

func (m *metric) checkMatcher(name, operator, value string) error {
	at := slices.IndexFunc(m.labels, func(l label) bool { return l.name == name })
	if at < 0 {
		if slices.Contains(ofTarget, name) {
			return nil
		}
		return fmt.Errorf("%s has no label %s", m.name, name)
	}
	values := []string{value}
	if strings.Contains(operator, "~") {
		values = strings.Split(value, "|")
	}
	for _, v := range values {
		if !slices.Contains(m.labels[at].values, v) {
			return fmt.Errorf("%s never is %s", name, v)
		}
	}
	return nil
}

// others are metrics of Go's collector and of the process's that the files use.
var others = []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds", "go_goroutines"}

// Each alert asks for what is exported, and says what it means and what to do.
func TestAlertsUseExportedMetrics(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.UnmarshalWithOptions(read(t, "deploy/prometheus/alerts.yaml"), &file, yaml.Strict()))
	page := string(read(t, "docs/operations-guide.md"))
	used := map[*metric]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			metrics, err := checkExpression(rule.Expr)
			require.NoError(t, err, rule.Alert)
			require.NotContains(t, rule.Expr, "without (instance)", "%s: on Kubernetes each replica has a label pod too", rule.Alert)
			for _, d := range metrics {
				used[d] = true
			}
			require.Regexp(t, `^\d+[smh]$`, rule.For, rule.Alert)
			require.Contains(t, []string{"critical", "warning"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.Greater(t, len(rule.Annotations["description"]), 60, "%s says what to do next", rule.Alert)
			require.Contains(t, page, "`"+rule.Alert+"`", "the page lists the alerts")
		}
	}
	for _, d := range []*metric{approvalsOldest, storeUp, slackConnected, approvals, approvalsHuman, auditUnsigned, auditBehind} {
		require.True(t, used[d], "no alert uses %s", d.name)
	}
}

// The dashboard asks for what is exported, in each of its panels, and shows each metric.
func TestDashboardUsesExportedMetrics(t *testing.T) {
	t.Parallel()
	type panel struct {
		Title, Type string
		Targets     []struct{ Expr string }
	}
	var board struct {
		Title, UID string
		Panels     []panel
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	require.NoError(t, json.Unmarshal(read(t, "deploy/grafana/vpsbot.json"), &board))
	shown, rows := map[*metric]bool{}, 0
	for _, p := range board.Panels {
		if p.Type == "row" {
			rows++
			continue
		}
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			metrics, err := checkExpression(target.Expr)
			require.NoError(t, err, p.Title)
			for _, d := range metrics {
				shown[d] = true
			}
		}
	}
	require.GreaterOrEqual(t, rows, 5)
	for _, variable := range board.Templating.List {
		if variable.Type == "query" {
			_, err := checkExpression(variable.Definition)
			require.NoError(t, err, variable.Name)
		}
	}
	for _, d := range all {
		require.True(t, shown[d], "no panel shows %s", d.name)
	}
}

func TestCheckExpressionNoticesMistakes(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		`vpsbot_store_upp`, `vpsbot_store_transaction_seconds`, `vpsbot_approvals{state="open"}`, `vpsbot_approvals{status="pending"}`,
		`vpsbot_refused_total{why=~"host|home"}`, `sum by (state) (vpsbot_store_up)`, `go_threads_total`, `1 > 0`,
	} {
		_, err := checkExpression(wrong)
		require.Error(t, err, wrong)
	}
	used, err := checkExpression(`sum by (kind, le) (rate(vpsbot_store_transaction_seconds_bucket{job=~"$job",kind="read"}[5m])) / vpsbot_store_up`)
	require.NoError(t, err)
	require.Equal(t, []*metric{storeSeconds, storeUp}, used)
}

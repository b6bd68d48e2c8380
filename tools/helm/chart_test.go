// Package helm tests the chart with Helm's own packages: that they find nothing to say of
// it, that what it makes is what Kubernetes knows, member by member, and that values that
// do not belong together are refused. It is a module of its own, so that Daypass does not
// depend on Helm.
package helm

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

var folder = filepath.Join("..", "..", "packaging", "helm", "daypass")

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render gives what the chart makes of values, in YAML, by kind and name.
func render(t *testing.T, values string) (map[string]string, error) {
	t.Helper()
	given, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	c := load(t)
	if err := chartutil.ProcessDependencies(c, given); err != nil {
		t.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(c, given, chartutil.ReleaseOptions{Name: "ci", Namespace: "tools", Revision: 1, IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	objects := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for _, text := range strings.Split(files[name], "\n---\n") {
			if strings.TrimSpace(text) == "" {
				continue
			}
			var head struct {
				Kind     string
				Metadata struct{ Name string }
			}
			if err := yaml.Unmarshal([]byte(text), &head); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
			if head.Kind != "" {
				objects[head.Kind+"/"+head.Metadata.Name] = text
			}
		}
	}
	return objects, nil
}

const (
	one = `tls: {secretName: tls}
config: {console: {enabled: false}, trustedProxies: [10.0.0.0/8], providers: []}`
	three = `tls: {secretName: tls}
replicas: 3
postgres: {secretName: db}
masterKey: {secretName: master}
persistence: {storageClassName: fast}
service: {type: LoadBalancer}
ingress: {enabled: true, className: nginx, host: daypass.example.com, tlsSecretName: public, annotations: {nginx.ingress.kubernetes.io/backend-protocol: HTTPS}}
networkPolicy: {enabled: true, monitoringNamespaceLabels: {kubernetes.io/metadata.name: monitoring}}
monitoring: {serviceMonitor: true, alerts: true, labels: {release: prometheus}}
podLabels: {team: platform}
tolerations: [{key: a, operator: Exists}]
extraEnv: [{name: HTTPS_PROXY, value: "http://proxy:3128"}]`
)

func TestLint(t *testing.T) {
	for name, values := range map[string]string{"one": one, "three": three} {
		given, err := chartutil.ReadValues([]byte(values))
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range lint.AllWithKubeVersion(folder, given, "tools", nil).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %v", name, message)
			}
		}
	}
}

// kinds are those that Kubernetes itself has; the operators' are read without types.
var kinds = map[string]func() any{
	"ConfigMap": func() any { return new(corev1.ConfigMap) }, "Service": func() any { return new(corev1.Service) },
	"ServiceAccount": func() any { return new(corev1.ServiceAccount) }, "StatefulSet": func() any { return new(appsv1.StatefulSet) },
	"PodDisruptionBudget": func() any { return new(policyv1.PodDisruptionBudget) }, "Ingress": func() any { return new(networkingv1.Ingress) },
	"NetworkPolicy": func() any { return new(networkingv1.NetworkPolicy) },
}

// TestObjects: each object has members that Kubernetes knows, and the pods have what a
// hardened one has.
func TestObjects(t *testing.T) {
	for values, want := range map[string][]string{
		one:   {"ConfigMap/ci-daypass", "Service/ci-daypass", "Service/ci-daypass-nodes", "ServiceAccount/ci-daypass", "StatefulSet/ci-daypass"},
		three: {"ConfigMap/ci-daypass", "Ingress/ci-daypass", "NetworkPolicy/ci-daypass", "PodDisruptionBudget/ci-daypass", "PrometheusRule/ci-daypass", "Service/ci-daypass", "Service/ci-daypass-nodes", "ServiceAccount/ci-daypass", "ServiceMonitor/ci-daypass", "StatefulSet/ci-daypass"},
	} {
		objects, err := render(t, values)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(objects)); !slices.Equal(got, want) {
			t.Errorf("the objects are %v", got)
		}
		for name, text := range objects {
			kind, _, _ := strings.Cut(name, "/")
			if into := kinds[kind]; into != nil {
				if err := yaml.UnmarshalStrict([]byte(text), into()); err != nil {
					t.Errorf("%s: %v\n%s", name, err, text)
				}
			}
		}
		var set appsv1.StatefulSet
		if err := yaml.Unmarshal([]byte(objects["StatefulSet/ci-daypass"]), &set); err != nil {
			t.Fatal(err)
		}
		pod := set.Spec.Template.Spec
		container := pod.Containers[0]
		if c := container.SecurityContext; pod.SecurityContext == nil || !*pod.SecurityContext.RunAsNonRoot || c == nil || !*c.ReadOnlyRootFilesystem || *c.AllowPrivilegeEscalation || len(c.Capabilities.Drop) != 1 || *pod.AutomountServiceAccountToken {
			t.Errorf("the pod is not hardened: %+v, %+v", pod.SecurityContext, container.SecurityContext)
		}
		if want := int32(strings.Count(values, "replicas: 3")*2 + 1); *set.Spec.Replicas != want {
			t.Errorf("there are %d nodes", *set.Spec.Replicas)
		}
		for _, mount := range container.VolumeMounts {
			if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name }) && mount.Name != set.Spec.VolumeClaimTemplates[0].Name {
				t.Errorf("there is no volume %s", mount.Name)
			}
		}
	}
}

func TestValuesThatAreRefused(t *testing.T) {
	for values, want := range map[string]string{
		"{}":                                 "tls.secretName is needed",
		one + "\nreplicas: 2":                "several replicas share a PostgreSQL database",
		one + "\npostgres: {secretName: db}": "nodes over one PostgreSQL have one master key",
		one + "\ningress: {enabled: true}":   "ingress.host is needed",
		one + "\nreplica: 2":                 "replica",
		one + "\nreplicas: 0":                "replicas",
		one + "\nservice: {type: External}":  "service",
		"tls: {secretName: tls}\nconfig: {listen: \"127.0.0.1:1\"}": "listen",
	} {
		if objects, err := render(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %d objects", values, err, len(objects))
		}
	}
}

// TestAlerts: the chart's alerts are those of examples/monitoring.
func TestAlerts(t *testing.T) {
	ours, err := os.ReadFile(filepath.Join(folder, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(filepath.Join("..", "..", "examples", "monitoring", "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours, theirs) {
		t.Error("packaging/helm/daypass/alerts.yaml is not examples/monitoring/alerts.yaml; copy it")
	}
	objects, err := render(t, three)
	if err != nil {
		t.Fatal(err)
	}
	var rule struct{ Spec any }
	var want any
	if err := yaml.Unmarshal([]byte(objects["PrometheusRule/ci-daypass"]), &rule); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(theirs, &want); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(rule.Spec) != fmt.Sprint(want) {
		t.Errorf("the rule has %v", rule.Spec)
	}
}

// TestConfiguration: daypass itself reads the configuration and takes the pod's arguments.
func TestConfiguration(t *testing.T) {
	objects, err := render(t, one)
	if err != nil {
		t.Fatal(err)
	}
	var config corev1.ConfigMap
	var set appsv1.StatefulSet
	if err := yaml.Unmarshal([]byte(objects["ConfigMap/ci-daypass"]), &config); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(objects["StatefulSet/ci-daypass"]), &set); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "daypass")
	build := exec.Command("go", "build", "-o", binary, "./cmd/daypass")
	build.Dir = filepath.Join("..", "..")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(config.Data["config.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	args := slices.Clone(set.Spec.Template.Spec.Containers[0].Args)
	for i, arg := range args {
		arg = strings.Replace(arg, "/etc/daypass/", dir+"/", 1)
		arg = strings.Replace(arg, "=/data/", "="+dir+"/", 1)
		args[i] = strings.Replace(arg, "=0.0.0.0:835", "=127.0.0.1:0#", 1)
		args[i], _, _ = strings.Cut(args[i], "#")
	}
	// The certificate is not there: it is the last thing that is asked for, once
	// configuration and arguments are read.
	output, err := exec.Command(binary, args...).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "/tls/tls.crt") {
		t.Errorf("daypass %v: %v\n%s", args, err, output)
	}
}

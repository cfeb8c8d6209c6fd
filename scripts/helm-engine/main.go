// Helm's own engine as a filter: one request as JSON on standard input; on standard output the answer, a line of JSON,
// and after it the manifest as it is. It does what `helm template` does between reading its files and printing, in the
// same order and with the same words, and asks the system it runs on for nothing else: no file, no environment, no
// network.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	valuesutil "helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

// Templates of this name are text for people; Helm keeps them out of the manifest.
const notesFile = "NOTES.txt"

// What is to be rendered. The host checks the fields before; here Helm does.
type request struct {
	// The package (.tgz); base64 in JSON.
	Chart                []byte       `json:"chart"`
	Values               []valuesFile `json:"values"`
	ReleaseName          string       `json:"releaseName"`
	Namespace            string       `json:"namespace"`
	KubeVersion          string       `json:"kubeVersion"`
	APIVersions          []string     `json:"apiVersions"`
	IncludeCRDs          bool         `json:"includeCrds"`
	SkipSchemaValidation bool         `json:"skipSchemaValidation"`
}

// A file of values; later ones win.
type valuesFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Why Helm refuses, or what it would tell the person who installs.
type answer struct {
	Refusal string `json:"refusal,omitempty"`
	Notes   string `json:"notes"`
}

func main() {
	var wanted request
	if err := json.NewDecoder(os.Stdin).Decode(&wanted); err != nil {
		fmt.Fprintln(os.Stderr, "the request cannot be read:", err)
		os.Exit(1)
	}
	manifest, notes, err := render(wanted)
	result := answer{Notes: notes}
	if err != nil {
		result, manifest = answer{Refusal: err.Error()}, ""
	}
	if err := print(result, manifest); err != nil {
		fmt.Fprintln(os.Stderr, "the answer cannot be written:", err)
		os.Exit(1)
	}
}

func print(result answer, manifest string) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(result); err != nil {
		return err
	}
	_, err := os.Stdout.WriteString(manifest)
	return err
}

// What `helm template` prints, and the notes of the chart.
func render(wanted request) (manifest, notes string, err error) {
	capabilities, err := capabilitiesOf(wanted)
	if err != nil {
		return "", "", err
	}
	values, err := mergeValues(wanted.Values)
	if err != nil {
		return "", "", err
	}
	chrt, err := loader.LoadArchive(bytes.NewReader(wanted.Chart))
	if err != nil {
		return "", "", err
	}
	if err := assertInstallable(chrt); err != nil {
		return "", "", err
	}
	if err := chartutil.ValidateReleaseName(wanted.ReleaseName); err != nil {
		return "", "", fmt.Errorf("release name check failed: release name %q: %w", wanted.ReleaseName, err)
	}
	if err := chartutil.ProcessDependencies(chrt, values); err != nil {
		return "", "", fmt.Errorf("chart dependencies processing failed: %w", err)
	}
	options := common.ReleaseOptions{
		Name:      wanted.ReleaseName,
		Namespace: wanted.Namespace,
		Revision:  1,
		IsInstall: true,
	}
	scope, err := valuesutil.ToRenderValuesWithSchemaValidation(
		chrt, values, options, capabilities, wanted.SkipSchemaValidation)
	if err != nil {
		return "", "", err
	}
	required := chrt.Metadata.KubeVersion
	if required != "" && !chartutil.IsCompatibleRange(required, capabilities.KubeVersion.String()) {
		return "", "", fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s",
			required, capabilities.KubeVersion.Version)
	}
	files, err := engine.Engine{}.Render(chrt, scope)
	if err != nil {
		return "", "", err
	}
	notes = takeNotes(files, chrt.Name())
	manifest, err = printManifest(chrt, files, wanted.IncludeCRDs)
	return manifest, notes, err
}

func capabilitiesOf(wanted request) (*common.Capabilities, error) {
	version, err := common.ParseKubeVersion(wanted.KubeVersion)
	if err != nil {
		return nil, fmt.Errorf("invalid kube version '%s': %w", wanted.KubeVersion, err)
	}
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	// A copy of Helm's shares the list.
	capabilities.APIVersions = slices.Concat(capabilities.APIVersions, wanted.APIVersions)
	return capabilities, nil
}

func mergeValues(files []valuesFile) (map[string]any, error) {
	merged := map[string]any{}
	for _, file := range files {
		next, err := loader.LoadValues(strings.NewReader(file.Text))
		if err != nil {
			return nil, fmt.Errorf("failed to parse %s: %w", file.Name, err)
		}
		merged = loader.MergeMaps(merged, next)
	}
	return merged, nil
}

func assertInstallable(chrt *chart.Chart) error {
	if kind := chrt.Metadata.Type; kind != "" && kind != "application" {
		return fmt.Errorf("%s charts are not installable", kind)
	}
	var missing []string
	for _, dependency := range chrt.Metadata.Dependencies {
		isThere := func(c *chart.Chart) bool { return c.Name() == dependency.Name }
		if !slices.ContainsFunc(chrt.Dependencies(), isThere) {
			missing = append(missing, dependency.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return errors.New("an error occurred while checking for chart dependencies. You may need to run " +
		"'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: " +
		strings.Join(missing, ", "))
}

// Takes the notes of all charts out of the files and returns those of the chart itself.
func takeNotes(files map[string]string, name string) string {
	notes := files[path.Join(name, "templates", notesFile)]
	for file := range files {
		if strings.HasSuffix(file, notesFile) {
			delete(files, file)
		}
	}
	return notes
}

// Custom resource definitions first, then the manifests in the order of installation, then the hooks.
func printManifest(chrt *chart.Chart, files map[string]string, includeCRDs bool) (string, error) {
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", err
	}
	var resources, printed strings.Builder
	if includeCRDs {
		for _, crd := range chrt.CRDObjects() {
			printDocument(&resources, crd.Filename, string(crd.File.Data))
		}
	}
	for _, manifest := range manifests {
		printDocument(&resources, manifest.Name, manifest.Content)
	}
	fmt.Fprintln(&printed, strings.TrimSpace(resources.String()))
	for _, hook := range hooks {
		printDocument(&printed, hook.Path, hook.Manifest)
	}
	return printed.String(), nil
}

func printDocument(to *strings.Builder, source, text string) {
	fmt.Fprintf(to, "---\n# Source: %s\n%s\n", source, text)
}

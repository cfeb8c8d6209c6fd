{{/*
The start of all names: the release's name, with the chart's where it does not hold it. Names of services begin with a
letter and hold no dot. The longest suffix has 25 characters, and 63 are allowed; what is cut keeps a hash, so that two
long names stay two.
*/}}
{{- define "hexabase.fullname" -}}
{{- $base := .Values.nameOverride | default .Chart.Name -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
  {{- $name = .Release.Name -}}
  {{- if regexMatch "^[0-9]" $name -}}
    {{- $name = printf "%s-%s" $base $name -}}
  {{- else if not (contains $base $name) -}}
    {{- $name = printf "%s-%s" $name $base -}}
  {{- end -}}
{{- end -}}
{{- $name = $name | replace "." "-" -}}
{{- if gt (len $name) 38 -}}
  {{- $name = printf "%s-%s" ($name | trunc 29 | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- end -}}
{{- $name -}}
{{- end }}

{{/* Labels that never change, by which workloads and services find their pods. */}}
{{- define "hexabase.selectorLabels" -}}
app.kubernetes.io/name: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- end }}

{{/* All labels of an object. */}}
{{- define "hexabase.labels" -}}
{{ include "hexabase.selectorLabels" . }}
app.kubernetes.io/part-of: hexabase
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with merge (dict) (.labels | default dict) .root.Values.placement.labels .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Annotations of an object: its own, those of the regulations that hold at the site, and the site's. */}}
{{- define "hexabase.annotations" -}}
{{- with merge (dict) (.annotations | default dict) (include "hexabase.complianceAnnotations" .root | fromYaml) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The name of what is in no namespace: releases of one name in two namespaces must not share it. */}}
{{- define "hexabase.clusterName" -}}
{{ .root.Release.Namespace }}-{{ include "hexabase.fullname" .root }}-{{ .name }}
{{- end }}

{{/* The metadata of an object: `name` is a suffix, `cluster` is true for what is in no namespace. */}}
{{- define "hexabase.metadata" -}}
{{- if .cluster -}}
name: {{ include "hexabase.clusterName" . }}
{{- else -}}
name: {{ include "hexabase.fullname" .root }}{{ with .name }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
{{- end }}
labels:
  {{- include "hexabase.labels" . | nindent 2 }}
{{- include "hexabase.annotations" . }}
{{- end }}

{{/* registry/repository:tag, or registry/repository@digest where a digest is given. */}}
{{- define "hexabase.image" -}}
{{- $registry := .root.Values.global.imageRegistry -}}
{{- $tag := .image.tag | default .root.Chart.AppVersion -}}
{{- if .image.digest -}}
{{ printf "%s/%s@%s" $registry .image.repository .image.digest }}
{{- else -}}
{{ printf "%s/%s:%s" $registry .image.repository $tag }}
{{- end -}}
{{- end }}

{{/* The name of a secret: the site's own, or this release's. */}}
{{- define "hexabase.secretName" -}}
{{- $existing := index .root.Values.secrets.existing .key -}}
{{- $existing | default (printf "%s-%s" (include "hexabase.fullname" .root) .suffix) -}}
{{- end }}

{{/* Whether a secret is to be made: there is none of its name in the cluster. */}}
{{- define "hexabase.isAbsent" -}}
{{- if not (lookup "v1" "Secret" .root.Release.Namespace .name) -}}true{{- end -}}
{{- end }}

{{/*
Annotations of a secret that is made once. It is made by a hook, since what the manifest of a release holds a rollback puts
back: keys that were rotated since would be lost, and with them what they encrypt. Should it be there after all, the hook
fails and touches nothing; without a policy of its own Helm would delete the secret first.
*/}}
{{- define "hexabase.madeOnce" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-delete-policy: hook-failed
helm.sh/resource-policy: keep
{{- end }}

{{/*
The database of this release, or the site's own. With standbys it is the first pod, which is the primary: the name of
the service would lead to any of them.
*/}}
{{- define "hexabase.databaseHost" -}}
{{- $name := printf "%s-database" (include "hexabase.fullname" .) -}}
{{- if not .Values.database.enabled -}}
{{ required "database.host is needed when database.enabled is false" .Values.database.host }}
{{- else if gt (int .Values.database.replicas) 1 -}}
{{ printf "%s-0.%s" $name $name }}
{{- else -}}
{{ $name }}
{{- end -}}
{{- end }}

{{/* How the parts call the control plane: over TLS where traffic inside the cluster is encrypted. */}}
{{- define "hexabase.apiUrl" -}}
{{- $name := printf "%s-control-plane" (include "hexabase.fullname" .) -}}
{{- if .Values.transport.enabled -}}
{{ printf "https://%s:8443" $name }}
{{- else -}}
{{ printf "http://%s:8080" $name }}
{{- end -}}
{{- end }}

{{/* The port behind that address. */}}
{{- define "hexabase.apiPort" -}}
{{ ternary 8443 8080 .Values.transport.enabled }}
{{- end }}

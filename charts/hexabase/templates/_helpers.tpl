{{/* Labels that never change, by which workloads and services find their pods. */}}
{{- define "hexabase.selectorLabels" -}}
app.kubernetes.io/name: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* All labels of an object. */}}
{{- define "hexabase.labels" -}}
{{ include "hexabase.selectorLabels" . }}
app.kubernetes.io/part-of: hexabase
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
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

{{/* What every pod has in common. */}}
{{- define "hexabase.podSettings" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.global.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* The database of this release, or the site's own. */}}
{{- define "hexabase.databaseHost" -}}
{{- if .Values.database.enabled -}}
{{ .Release.Name }}-database
{{- else -}}
{{ required "database.host is needed when database.enabled is false" .Values.database.host }}
{{- end -}}
{{- end }}

{{/* One key of a secret: what is in the cluster already, else fresh randomness. */}}
{{- define "hexabase.secretValue" -}}
{{- $existing := lookup "v1" "Secret" .root.Release.Namespace .name -}}
{{- $data := dict -}}
{{- if $existing -}}{{- $data = $existing.data | default dict -}}{{- end -}}
{{- if hasKey $data .key -}}
{{ index $data .key }}
{{- else -}}
{{ randAlphaNum 48 | b64enc }}
{{- end -}}
{{- end }}

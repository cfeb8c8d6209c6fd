{{/* A peer of a network policy: the pods of one part. */}}
{{- define "hexabase.peer" -}}
- podSelector:
    matchLabels:
      {{- include "hexabase.selectorLabels" . | nindent 6 }}
{{- end }}

{{/* A rule that lets a pod call the database. */}}
{{- define "hexabase.toDatabase" -}}
- ports:
    - port: {{ .Values.database.port }}
      protocol: TCP
  {{- if .Values.database.enabled }}
  to:
    {{- include "hexabase.peer" (dict "root" . "component" "database") | nindent 4 }}
  {{- else if .Values.database.cidrs }}
  to:
    {{- range .Values.database.cidrs }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}

{{/* A rule that lets a pod call the control plane. */}}
{{- define "hexabase.toControlPlane" -}}
- to:
    {{- include "hexabase.peer" (dict "root" . "component" "control-plane") | nindent 4 }}
  ports:
    - port: {{ include "hexabase.apiPort" . }}
      protocol: TCP
{{- end }}

{{/* A rule that lets a pod call the API server, wherever it listens, or where the site says it does. */}}
{{- define "hexabase.toApiServer" -}}
- ports:
    - port: 443
      protocol: TCP
    - port: 6443
      protocol: TCP
  {{- with .Values.networkPolicies.apiServerCidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}

{{/*
The port of an endpoint (`host:port`, or a URL), or else of the setting beside it: a policy for another port than the one
that is called would cut the site off, and say nothing.
*/}}
{{- define "hexabase.portOf" -}}
{{- $form := "^(https?://)?([^:/\\[\\]]+|\\[[^\\]]*\\]):([0-9]+)(/.*)?$" -}}
{{- if regexMatch $form .endpoint -}}
{{ regexReplaceAll $form .endpoint "${3}" }}
{{- else -}}
{{ .port }}
{{- end -}}
{{- end }}

{{/* A rule that lets a pod call the hardware security module. */}}
{{- define "hexabase.toHsm" -}}
{{- with .Values.encryption }}
{{- if and .enabled (eq .keyManagement "hsm") }}
- ports:
    - port: {{ include "hexabase.portOf" .hsm }}
      protocol: TCP
  {{- with .hsm.cidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

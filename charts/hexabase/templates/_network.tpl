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

{{/* A rule that lets a pod call the hardware security module. */}}
{{- define "hexabase.toHsm" -}}
{{- with .Values.encryption }}
{{- if and .enabled (eq .keyManagement "hsm") }}
- ports:
    - port: {{ .hsm.port }}
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

{{/* Whether the database has standbys, in this cluster or in another one. */}}
{{- define "hexabase.replicates" -}}
{{- if and .Values.database.enabled (or (gt (int .Values.database.replicas) 1) .Values.replication.role) -}}true{{- end -}}
{{- end }}

{{/* What a pod of the database is told: whom to follow, and as whom. */}}
{{- define "hexabase.replicationEnv" -}}
{{- if include "hexabase.replicates" . }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: REPLICATION_PRIMARY_HOST
  value: {{ printf "%s-database-0.%s-database" (include "hexabase.fullname" .) (include "hexabase.fullname" .) }}
- name: REPLICATION_MODE
  value: {{ .Values.replication.mode }}
- name: REPLICATION_USER
  value: {{ .Values.replication.user }}
- name: REPLICATION_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "hexabase.secretName" (dict "root" . "key" "replication" "suffix" "replication") }}
      key: password
{{- if eq .Values.replication.role "secondary" }}
- name: REPLICATION_UPSTREAM_HOST
  value: {{ required "replication.upstream.host is needed when replication.role is secondary" .Values.replication.upstream.host | quote }}
- name: REPLICATION_UPSTREAM_PORT
  value: {{ .Values.replication.upstream.port | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Alert rules as Prometheus reads them. What they watch is counted by the control plane and by kube-state-metrics. */}}
{{- define "hexabase.alertRules" -}}
{{- $name := include "hexabase.fullname" . -}}
{{- $namespace := .Release.Namespace -}}
groups:
  - name: {{ $name }}
    rules:
      - alert: HexabaseControlPlaneDown
        expr: absent(up{namespace={{ $namespace | quote }}, service="{{ $name }}-control-plane"} == 1)
        for: 5m
        labels:
          severity: critical
        annotations:
          summary: No replica of the control plane answers.
      {{- if .Values.database.enabled }}
      - alert: HexabaseDatabaseNotReady
        expr: kube_statefulset_status_replicas_ready{namespace={{ $namespace | quote }}, statefulset="{{ $name }}-database"} < kube_statefulset_replicas{namespace={{ $namespace | quote }}, statefulset="{{ $name }}-database"}
        for: 10m
        labels:
          severity: critical
        annotations:
          summary: A pod of the database is not ready.
      - alert: HexabaseVolumeFilling
        expr: kubelet_volume_stats_available_bytes{namespace={{ $namespace | quote }}} / kubelet_volume_stats_capacity_bytes{namespace={{ $namespace | quote }}} < 0.1
        for: 15m
        labels:
          severity: warning
        annotations:
          summary: Less than a tenth of a volume is free.
      {{- end }}
      {{- if .Values.backup.enabled }}
      - alert: HexabaseBackupMissing
        expr: time() - kube_cronjob_status_last_successful_time{namespace={{ $namespace | quote }}, cronjob="{{ $name }}-backup"} > 93600
        labels:
          severity: critical
          regulation: 45-CFR-164.308-a-7
        annotations:
          summary: No backup has succeeded for 26 hours.
      {{- end }}
      {{- if and .Values.encryption.enabled .Values.encryption.rotation.enabled }}
      - alert: HexabaseKeyRotationFailing
        expr: time() - kube_cronjob_status_last_successful_time{namespace={{ $namespace | quote }}, cronjob="{{ $name }}-key-rotation"} > 180000
        labels:
          severity: critical
          regulation: 45-CFR-164.312-a-2-iv
        annotations:
          summary: For two days nothing has looked whether keys are too old.
      {{- end }}
      {{- if or .Values.gdpr.enabled .Values.hipaa.enabled }}
      - alert: HexabaseAuditLogSilent
        expr: rate(hexabase_audit_events_total{namespace={{ $namespace | quote }}}[30m]) == 0 or absent(hexabase_audit_events_total{namespace={{ $namespace | quote }}})
        for: 30m
        labels:
          severity: critical
          regulation: 45-CFR-164.312-b
        annotations:
          summary: For half an hour nothing was written to the audit log.
      - alert: HexabaseFailedLogins
        expr: sum(rate(hexabase_login_failures_total{namespace={{ $namespace | quote }}}[10m])) > 1
        for: 10m
        labels:
          severity: warning
          regulation: 45-CFR-164.308-a-5-ii-C
        annotations:
          summary: Logins fail more than once a second.
      {{- end }}
{{- end }}

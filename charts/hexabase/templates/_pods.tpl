{{/* What every pod has in common: where it may run, and what it may not do. `settings` are the component's values. */}}
{{- define "hexabase.podSettings" -}}
{{- $root := .root -}}
{{- $settings := .settings -}}
enableServiceLinks: false
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $root.Values.global.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with merge (dict) ($settings.nodeSelector | default dict) $root.Values.global.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat $root.Values.global.tolerations ($settings.tolerations | default list) }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $settings.affinity }}
affinity:
  {{- toYaml $settings.affinity | nindent 2 }}
{{- else if and $root.Values.zones $settings.zoneAntiAffinity }}
affinity:
  {{- include "hexabase.zoneAffinity" . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* Only in the zones of the site, and no two in one zone as far as that can be (`preferred`) or at all (`required`). */}}
{{- define "hexabase.zoneAffinity" -}}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          - key: topology.kubernetes.io/zone
            operator: In
            values:
              {{- toYaml .root.Values.zones | nindent 14 }}
podAntiAffinity:
  {{- if eq .settings.zoneAntiAffinity "required" }}
  {{- /* A rolling update starts a pod more before it stops one; a StatefulSet stops one first. */}}
  {{- $needed := int .settings.replicas }}
  {{- if ne .component "database" }}
  {{- $needed = add1 $needed | int }}
  {{- end }}
  {{- if lt (len .root.Values.zones) $needed }}
  {{- fail (printf "zones names %d, and the %s with zoneAntiAffinity: required needs %d for its replicas: name more, or set preferred" (len .root.Values.zones) .component $needed) }}
  {{- end }}
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: topology.kubernetes.io/zone
      labelSelector:
        matchLabels:
          {{- include "hexabase.selectorLabels" . | nindent 10 }}
  {{- else }}
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: topology.kubernetes.io/zone
        labelSelector:
          matchLabels:
            {{- include "hexabase.selectorLabels" . | nindent 12 }}
  {{- end }}
{{- end }}

{{/* Replicas on different nodes, and evenly over the zones where there are any. */}}
{{- define "hexabase.spread" -}}
topologySpreadConstraints:
  {{- $keys := list "kubernetes.io/hostname" }}
  {{- if .root.Values.zones }}
  {{- $keys = append $keys "topology.kubernetes.io/zone" }}
  {{- end }}
  {{- range $keys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "hexabase.selectorLabels" $ | nindent 8 }}
  {{- end }}
{{- end }}

{{/* What no container may do. */}}
{{- define "hexabase.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Started, alive, ready; over the port named `http`. */}}
{{- define "hexabase.httpProbes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 10
  timeoutSeconds: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 5
  timeoutSeconds: 3
{{- end }}

{{/* A pod is replaced when what it reads at its start changes. */}}
{{- define "hexabase.configChecksum" -}}
{{- $text := "" -}}
{{- range list "/configmaps.yaml" "/profiles/profile.yaml" "/compliance/gdpr.yaml" "/compliance/hipaa.yaml" "/integration/ca-bundles.yaml" -}}
{{- $text = print $text (include (print $.Template.BasePath .) $) -}}
{{- end -}}
{{- $text | sha256sum -}}
{{- end }}

{{/* How a client of the database connects. */}}
{{- define "hexabase.databaseEnv" -}}
- name: PGHOST
  value: {{ include "hexabase.databaseHost" . }}
- name: PGPORT
  value: {{ .Values.database.port | quote }}
- name: PGDATABASE
  value: {{ .Values.database.name }}
- name: PGUSER
  value: {{ .Values.database.user }}
{{- if .Values.transport.enabled }}
- name: PGSSLMODE
  value: verify-full
- name: PGSSLROOTCERT
  value: /etc/hexabase/tls/ca.crt
{{- end }}
{{- end }}

{{/* The password of the database, as a variable. */}}
{{- define "hexabase.databasePassword" -}}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "hexabase.secretName" (dict "root" . "key" "database" "suffix" "database") }}
      key: password
{{- end }}

{{/* The certificate of the parts, its key and the authority. */}}
{{- define "hexabase.transportMount" -}}
- name: transport-tls
  mountPath: /etc/hexabase/tls
  readOnly: true
{{- end }}

{{- define "hexabase.transportVolume" -}}
- name: transport-tls
  secret:
    secretName: {{ include "hexabase.secretName" (dict "root" . "key" "transport" "suffix" "transport-tls") }}
    defaultMode: 0440
{{- end }}

{{/*
The keys with which data are encrypted; each part sees its own alone (`keys`), and the one that its rotation replaced, which
opens what is not written again yet.
*/}}
{{- define "hexabase.keysMount" -}}
- name: encryption-keys
  mountPath: /etc/hexabase/keys
  readOnly: true
{{- end }}

{{- define "hexabase.keysVolume" -}}
{{- $name := include "hexabase.secretName" (dict "root" .root "key" "encryptionKeys" "suffix" "encryption-keys") -}}
- name: encryption-keys
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ $name }}
          items:
            {{- range .keys }}
            - key: {{ . }}
              path: {{ . }}
            {{- end }}
      - secret:
          name: {{ $name }}
          optional: true
          items:
            {{- range .keys }}
            - key: {{ . }}-previous
              path: {{ . }}-previous
            {{- end }}
{{- end }}

{{/* What objects say about the regulations they are made for. */}}
{{- define "hexabase.complianceAnnotations" -}}
{{- if .Values.gdpr.enabled }}
compliance.hexabase.ai/gdpr: enabled
compliance.hexabase.ai/data-locality: {{ .Values.gdpr.dataLocality }}
data-locality: {{ .Values.gdpr.dataLocality }}
{{- end }}
{{- if .Values.hipaa.enabled }}
compliance.hexabase.ai/hipaa: enabled
{{- end }}
{{- end }}

{{/* Whether the keys of the data lie in a secret; with a hardware module alone there is nothing to lie anywhere. */}}
{{- define "hexabase.hasKeys" -}}
{{- if and .Values.encryption.enabled (or .Values.encryption.secret.enabled (eq .Values.encryption.keyManagement "secret")) -}}true{{- end -}}
{{- end }}

{{/* What programs that encrypt are told, as variables. */}}
{{- define "hexabase.encryptionEnv" -}}
{{- if .Values.encryption.enabled }}
- name: HEXABASE_ENCRYPTION_AT_REST
  value: {{ .Values.encryption.algorithm | quote }}
- name: HEXABASE_KEY_MANAGEMENT
  value: {{ .Values.encryption.keyManagement }}
{{- if include "hexabase.hasKeys" . }}
- name: HEXABASE_ENCRYPTION_KEYS
  value: /etc/hexabase/keys
{{- end }}
{{- if eq .Values.encryption.keyManagement "hsm" }}
- name: HEXABASE_HSM_PROVIDER
  value: {{ .Values.encryption.hsm.provider }}
- name: HEXABASE_HSM_ENDPOINT
  value: {{ required "encryption.hsm.endpoint is needed when encryption.keyManagement is hsm" .Values.encryption.hsm.endpoint | quote }}
- name: HEXABASE_HSM_PIN
  valueFrom:
    secretKeyRef:
      name: {{ include "hexabase.secretName" (dict "root" . "key" "hsm" "suffix" "hsm") }}
      key: pin
{{- end }}
{{- end }}
{{- end }}

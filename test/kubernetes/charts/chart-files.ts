/** Small charts on disk for the tests of this folder. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The least a chart needs, with one template. */
export const MINIMAL_CHART: Readonly<Record<string, string>> = {
  'Chart.yaml': `# a comment stays
apiVersion: v2
name: demo
version: 1.2.3+build.7
appVersion: '1.5'
description: A <small> chart & more
home: https://example.com/demo
type: application
sources: [https://example.com/src]
maintainers:
  - {name: Ann, email: ann@example.com}
  - {name: Bob}
annotations:
  category: test
  images: |
    - name: app
      image: registry.example.com/app:1.5
  artifacthub.io/images: |
    - name: tool
      image: busybox
      platforms: [linux/amd64]
`,
  'values.yaml': 'replicas: 2\n',
  'templates/cm.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: demo}\ndata: {replicas: "{{ .Values.replicas }}"}\n',
  'templates/_helpers.tpl': '{{- define "x" }}{{ end -}}\n',
  'templates/.swp': 'left out by a built-in rule',
  '.helmignore': '# left out\n*.bak\n/docs/\n',
  'README.md': '# Demo\n',
  'old.bak': 'no',
  'docs/a.md': 'no',
};

/** Writes files below a directory. */
export async function writeFiles(directory: string, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return directory;
}

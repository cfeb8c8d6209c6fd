/** helmfile.yaml, as it is after templates were rendered. @see https://helmfile.readthedocs.io/en/latest/configuration/ */
import { addChart, type ForeignChart } from '../chart-place.ts';
import { ComponentDraft, isUrl } from '../component-draft.ts';
import { shown, type Field, type ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';

/** The next step for everything that Helmfile computes. */
export const RENDER_HELMFILE = 'run `helmfile build > built.yaml` in its directory and import that';

const TOP_LEVEL = ['releases', 'repositories', 'helmfiles', 'bases', 'environments', 'helmDefaults'];
/** What changes the images of a chart and is no file of values. */
const CHANGES: readonly (readonly [string, string])[] = [
  ['set', 'values in `set`'],
  ['setString', 'values in `setString`'],
  ['env', 'values from the environment'],
  ['secrets', 'encrypted values'],
  ['jsonPatches', 'patches of rendered resources'],
  ['strategicMergePatches', 'patches of rendered resources'],
  ['transformers', 'Kustomize transformers'],
  ['dependencies', 'charts that Helmfile adds'],
];
const COMPUTED = ['valuesTemplate', 'setTemplate', 'inherit', 'installedTemplate', 'conditionTemplate'];

/** Whether a document is a helmfile. */
export function isHelmfile(document: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(document);
  const isList = (key: string): boolean => Array.isArray(document[key]);
  return (
    !keys.includes('apiVersion') &&
    (isList('releases') || isList('helmfiles')) &&
    keys.some((key) => TOP_LEVEL.includes(key))
  );
}

/** Whether a text that is no YAML is a helmfile with templates in it. */
export function isHelmfileTemplate(text: string): boolean {
  return text.includes('{{') && TOP_LEVEL.some((key) => new RegExp(`^${key}:`, 'm').test(text));
}

/** Reads the charts of all releases. */
export function readHelmfile(documents: readonly Field[], file: ForeignFile): ImportedRelease {
  const components = documents.map((document) => {
    const draft = new ComponentDraft('releases');
    for (const release of document.get('releases').items) readRelease(release, document, draft);
    for (const key of ['helmfiles', 'bases']) {
      for (const other of document.get(key).items) {
        const path = other.isText ? other.text : other.get('path').text;
        file.leave(other.at, `${shown(path ?? '')} is not read: import it too, or ${RENDER_HELMFILE}`);
      }
    }
    leaveRenderer(document.get('helmDefaults'));
    return draft.finish();
  });
  return { components, unexpressed: file.unexpressed };
}

function readRelease(release: Field, document: Field, draft: ComponentDraft): void {
  const { file } = release;
  const name = release.get('name').requiredText;
  const chart = release.get('chart').requiredText;
  if (name === undefined || chart === undefined || hasTemplates(release)) return;
  if (release.get('installed').text === 'false') {
    file.remark(release.at, `release ${shown(name)} is not installed, and not taken over`);
    return;
  }
  for (const [key, what] of CHANGES) {
    const field = release.get(key);
    if (field.isThere)
      file.leave(
        field.at,
        `release ${shown(name)}: ${what} are not taken over: write them into a file of values, or list the images`,
      );
  }
  leaveRenderer(release);
  const values = valuesOf(release, name);
  addChart(draft, release, {
    ...placeOf(chart, document),
    version: release.get('version').text || undefined,
    values: values.length === 0 ? [] : [values],
    kubeVersion: release.get('kubeVersion').text || document.get('kubeVersion').text || undefined,
    apiVersions: apiVersionsOf(release) ?? apiVersionsOf(document),
    namespace: release.get('namespace').text || document.get('namespace').text || undefined,
    releaseName: name,
    keyring: release.get('keyring').text || undefined,
  });
}

/** A program that changes what was rendered is not run here. */
function leaveRenderer(owner: Field): void {
  const renderer = owner.get('postRenderer');
  if (!renderer.isThere) return;
  owner.file.leave(renderer.at, `post-renderer ${shown(renderer.text ?? '')} is not run: list the images that it adds`);
}

/** What Helmfile computes is not computed here: such a file is refused, with the next step. */
function hasTemplates(release: Field): boolean {
  const { file } = release;
  const values = release.get('values').items.filter(({ isText }) => isText);
  const fields = [...['name', 'chart', 'version', 'namespace', 'installed'].map((key) => release.get(key)), ...values];
  const template = fields.find(({ text }) => text?.includes('{{'));
  const computed = COMPUTED.map((key) => release.get(key)).find(({ isThere }) => isThere);
  if (template !== undefined) file.refuse(template.at, `${template.label} is a template: ${RENDER_HELMFILE}`);
  else if (computed !== undefined)
    file.refuse(computed.at, `${computed.label} is computed by Helmfile: ${RENDER_HELMFILE}`);
  return template !== undefined || computed !== undefined;
}

function placeOf(chart: string, document: Field): Pick<ForeignChart, 'chart' | 'repository'> {
  const slash = chart.indexOf('/');
  const prefix = slash < 0 ? undefined : chart.slice(0, slash);
  const repository = document.get('repositories').items.find((each) => each.get('name').text === prefix);
  const url = prefix === undefined || isUrl(chart) ? undefined : repository?.get('url').requiredText;
  if (repository === undefined || url === undefined) return { chart };
  const isRegistry = repository.get('oci').isTrue && !url.startsWith('oci://');
  return { chart: chart.slice(slash + 1), repository: isRegistry ? `oci://${url}` : url };
}

function valuesOf(release: Field, name: string): readonly string[] {
  return release.get('values').items.flatMap((each) => {
    const path = each.isText ? each.text : undefined;
    if (path !== undefined && !isUrl(path) && !path.includes('*')) return [path];
    const what = path === undefined ? 'values that are written in it' : `values of ${shown(path)}`;
    release.file.leave(
      each.at,
      `release ${shown(name)}: ${what} are not taken over: write them into a file, and list it in values`,
    );
    return [];
  });
}

function apiVersionsOf(field: Field): readonly string[] | undefined {
  const list = field.get('apiVersions');
  return list.isThere ? list.items.flatMap(({ text }) => text ?? []) : undefined;
}

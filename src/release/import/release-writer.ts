/** The text of an imported release.yaml: every entry with the line it came from, and what it leaves out on top. */
import { showText } from '../../base/http/redact.ts';
import { SPEC_API_VERSION, SPEC_KIND } from '../spec/spec-schema.ts';
import { shown } from './foreign-file.ts';
import type {
  ImportedChart,
  ImportedComponent,
  ImportedFile,
  ImportedImage,
  ImportedPath,
} from './imported-release.ts';
import type { SettledRelease } from './settle.ts';

/** Text that YAML takes for itself, wherever it stands. */
const PLAIN = /^[A-Za-z0-9_./][A-Za-z0-9_./@+:-]*$/;
/** Words and numbers that are no text without quotes; what has a slash in it is no number. */
const NOT_TEXT = /^(?:true|false|null|yes|no|on|off|y|n|~)$|^[0-9.+-][^/]*$|:$/i;

/** Writes the release; `source` is what comments call the imported file, `title` what it was read as. */
export function formatImported(release: SettledRelease, source: string, title: string): string {
  const from = showText(source);
  const listed = (isContent: boolean): readonly string[] =>
    release.unexpressed
      .filter((each) => each.isContent === isContent)
      .map(({ at, message }) => `#   ${from}:${at}: ${showText(message)}`);
  const section = (heading: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ['#', `# ${heading}`, ...lines];
  const { name, version, platforms, chosen } = release;
  const choice = (what: 'version' | 'platforms', advice: string): string =>
    chosen.includes(what) ? ` # ${from} says none: ${advice}` : '';
  return `${[
    `# Imported from ${from}, ${title}. Behind each entry stands the line it comes from.`,
    '# Look through it, then: airgap resolve',
    ...section(`Named by ${from} and NOT in this release:`, listed(true)),
    ...section('To know:', listed(false)),
    `apiVersion: ${SPEC_API_VERSION}`,
    `kind: ${SPEC_KIND}`,
    `name: ${scalar(name)}`,
    `version: ${quoted(version)}${choice('version', 'the first one')}`,
    '',
    ...(platforms === undefined
      ? [`platforms: all${choice('platforms', "name those of the site's nodes, and the archive is smaller")}`]
      : ['platforms:', ...platforms.map((platform) => `  - ${platform}`)]),
    '',
    'components:',
    ...release.components.flatMap((component) => formatComponent(component, from)),
  ].join('\n')}\n`;
}

function formatComponent(component: ImportedComponent, from: string): readonly string[] {
  const list = <T>(field: string, entries: readonly T[], format: (entry: T) => readonly string[]): readonly string[] =>
    entries.length === 0 ? [] : [`    ${field}:`, ...entries.flatMap(format)];
  const origin = ({ at }: { readonly at: number }, note = ''): string => ` # ${from}:${at}${note}`;
  const path = (entry: ImportedPath): readonly string[] => [`      - ${scalar(entry.path)}${origin(entry)}`];
  return [
    `  - name: ${scalar(component.name)}`,
    ...(component.description === undefined ? [] : [`    description: ${quoted(component.description)}`]),
    ...list('images', component.images, (image) => formatImage(image, origin(image, noteOf(image)))),
    ...list('charts', component.charts, (chart) => formatChart(chart, origin(chart))),
    ...list('manifests', component.manifests, path),
    ...list('docs', component.docs, path),
    ...list('files', component.files, (file) => formatFile(file, origin(file))),
  ];
}

function noteOf({ note }: ImportedImage): string {
  return note === undefined ? '' : `, ${shown(note)}`;
}

function formatImage({ reference, platforms }: ImportedImage, origin: string): readonly string[] {
  if (platforms === undefined) return [`      - ${scalar(reference)}${origin}`];
  return [`      - reference: ${scalar(reference)}${origin}`, `        platforms: [${platforms.join(', ')}]`];
}

function formatChart(chart: ImportedChart, origin: string): readonly string[] {
  const { chart: place, values, apiVersions = [] } = chart;
  const fields = (['repository', 'version', 'keyring', 'kubeVersion', 'namespace', 'releaseName'] as const).flatMap(
    (key) => {
      const value = chart[key];
      return value === undefined ? [] : [`        ${key}: ${key === 'version' ? quoted(value) : scalar(value)}`];
    },
  );
  const sets = values.map((files) => {
    if (files.length === 0) return '          - { name: default, files: [] }';
    return files.length === 1
      ? `          - ${scalar(files[0] ?? '')}`
      : `          - [${files.map(scalar).join(', ')}]`;
  });
  if (fields.length + sets.length + apiVersions.length === 0) return [`      - ${scalar(place)}${origin}`];
  return [
    `      - chart: ${scalar(place)}${origin}`,
    ...fields,
    ...(apiVersions.length === 0 ? [] : [`        apiVersions: [${apiVersions.map(scalar).join(', ')}]`]),
    ...(sets.length === 0 ? [] : ['        values:', ...sets]),
  ];
}

function formatFile({ path, integrity, as }: ImportedFile, origin: string): readonly string[] {
  return [
    `      - path: ${scalar(path)}${origin}`,
    `        integrity: ${integrity ?? ''}`,
    ...(as === undefined ? [] : [`        as: ${scalar(as)}`]),
  ];
}

function scalar(text: string): string {
  return PLAIN.test(text) && !NOT_TEXT.test(text) ? text : quoted(text);
}

/** Single quotes as long as one line of printable text fits between them. */
function quoted(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text);
}

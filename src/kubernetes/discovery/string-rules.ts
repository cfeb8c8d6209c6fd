/** What one string of a resource says of images, by the key it stands under. */
import type { YamlPath } from '../../base/yaml-source.ts';
import type { Reference } from '../../oci/reference.ts';
import type { SuspectRule } from './finding.ts';
import { isKnownHost, namesImage, readImage, scanText } from './image-text.ts';

/** What kind of document a string stands in: Kubernetes' own, somebody else's, or a text within one. */
export type Scope = 'core' | 'custom' | 'embedded';

/** A line of a text that sets something: `IMAGE=app:1`, `sandbox_image = "pause:3"`. */
const SETTING = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*[=:][ \t]*["']?([^\s"']+)["']?[ \t]*$/gm;
/** An argument that sets an option, and one that is an option whose value comes next. */
const OPTION = /^(-{0,2}[\w.-]+)=(.*)$/s;
/** A value that a shell would take out of its quotation marks. */
const QUOTED = /^(["'])(.*)\1$/s;

interface Found {
  readonly reference: Reference;
  readonly rule: SuspectRule;
}

/** What is around a string. */
export interface Surroundings {
  readonly scope: Scope;
  /** Registries that certain images come from. */
  readonly hosts: ReadonlySet<string>;
  /** The name beside the string, where it is the value of a variable, a parameter or an option. */
  readonly label?: string | undefined;
}

/** The images that a string is or holds. */
export function findInString(text: string, path: YamlPath, surroundings: Surroundings): readonly Found[] {
  const { scope, hosts, label } = surroundings;
  const names = path.filter((name) => typeof name === 'string');
  const last = names.at(-1) ?? '';
  const above = names.at(-2) ?? '';
  if (above === 'annotations') return namesImage(last) ? whole(text, 'image', 'annotation') : [];
  if (last === 'args' || last === 'command') return argument(text, label, hosts);
  const key = label ?? last;
  if (isVariable(names)) return variable(text, key, hosts);
  if (scope === 'core') return [];
  const holdsImage = namesImage(key) || /images?$/i.test(above);
  const isImage = /images?(name|ref|reference|url|uri)?$/i.test(key) || (/images$/i.test(above) && text.includes('/'));
  const naming = isImage ? 'image' : 'any';
  const field = holdsImage ? [...whole(text, naming, 'field'), ...whole(afterName(text), naming, 'field')] : [];
  if (field.length > 0) return unique(field);
  if (scope === 'embedded' || /\s/.test(text)) {
    // One line with a colon is a sentence rather than a setting.
    const lines = /[\n=]/.test(text) ? [...text.matchAll(SETTING)] : [];
    const settings = lines.flatMap(([, name = '', value = '']) =>
      namesImage(name) ? whole(value, 'image', 'text') : [],
    );
    return unique([...settings, ...optionsOf(text, 'text'), ...scanned(text, hosts, 'text')]);
  }
  return whole(text, 'any', 'known registry').filter(({ reference }) => isKnownHost(reference.registry, hosts));
}

/** Whole, after the first `=`, in lists of either, and, in scripts, wherever a known registry is named. */
function argument(text: string, label: string | undefined, hosts: ReadonlySet<string>): readonly Found[] {
  const known = scanned(text, hosts, 'argument');
  if (/\s/.test(text.trim())) return unique([...optionsOf(text, 'argument'), ...known]);
  const [, name, value] = OPTION.exec(text) ?? [];
  const option = name ?? label ?? '';
  const found = (value ?? text)
    .replace(QUOTED, '$2')
    .split(',')
    .flatMap((part) => [part, afterName(part)])
    .flatMap((part) => whole(part, namesImage(option) ? 'image' : 'any', 'argument'));
  return unique([...found, ...known]);
}

/** Any token with host and tag; the whole value where the variable, or what sets one within it, is called after an image. */
function variable(text: string, name: string, hosts: ReadonlySet<string>): readonly Found[] {
  const found = namesImage(name) ? whole(text, 'image', 'environment') : [];
  if (found.length > 0) return found;
  const tokens = text.split(/[\s,;"'[\]{}]+/).flatMap((token) => {
    const [, setting = '', value = token] = /^([\w.-]+)=(.*)$/s.exec(token) ?? [];
    return whole(value, namesImage(setting) ? 'image' : 'any', 'environment');
  });
  return unique([...tokens, ...scanned(text, hosts, 'environment')]);
}

/** The values of options within a script that are called after an image: `--image=app:1`, `--image app:1`. */
function optionsOf(text: string, rule: SuspectRule): readonly Found[] {
  const words = text.split(/[\s"';]+/);
  return words.flatMap((word, index) => {
    const [, name, value] = OPTION.exec(word) ?? [];
    if (name !== undefined && value !== undefined) {
      return namesImage(name) && (rule === 'argument' || name.startsWith('-')) ? whole(value, 'image', rule) : [];
    }
    const before = words[index - 1] ?? '';
    return /^--?[\w-]+$/.test(before) && namesImage(before) ? whole(word, 'image', rule) : [];
  });
}

/** Wherever a registry is named that is known as one. */
function scanned(text: string, hosts: ReadonlySet<string>, rule: SuspectRule): readonly Found[] {
  return scanText(text, hosts).map((reference) => ({ reference, rule }));
}

/** `new/app:2` of `app=new/app:2`, the whole of what is no such pair. */
function afterName(text: string): string {
  return text.slice(text.indexOf('=') + 1);
}

/** Whether texts under these names are free: Kubernetes itself knows nothing of what stands in them. */
export function isFreeText(path: YamlPath): boolean {
  const names = path.filter((name) => typeof name === 'string');
  return isVariable(names) || names.some((name) => ['args', 'command', 'annotations'].includes(name));
}

function isVariable(names: readonly string[]): boolean {
  return names.some((name) => /^(extra)?env(s|vars?|ironment)?$/i.test(name));
}

function whole(text: string, naming: 'image' | 'any', rule: SuspectRule): readonly Found[] {
  const reference = readImage(text, naming);
  return reference === undefined ? [] : [{ reference, rule }];
}

function unique(found: readonly Found[]): readonly Found[] {
  return [...new Map(found.map((entry) => [JSON.stringify(entry.reference), entry])).values()];
}

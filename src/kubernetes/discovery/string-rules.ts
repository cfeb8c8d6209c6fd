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
  const field = holdsImage
    ? whole(text, /images?(name|ref|reference|url|uri)?$/i.test(key) ? 'image' : 'any', 'field')
    : [];
  if (field.length > 0) return field;
  if (scope === 'embedded' || /\s/.test(text)) {
    // One line with a colon is a sentence rather than a setting.
    const lines = /[\n=]/.test(text) ? [...text.matchAll(SETTING)] : [];
    const settings = lines.flatMap(([, name = '', value = '']) =>
      namesImage(name) ? whole(value, 'image', 'text') : [],
    );
    return unique([...settings, ...scanText(text, hosts).map((reference): Found => ({ reference, rule: 'text' }))]);
  }
  return whole(text, 'any', 'known registry').filter(({ reference }) => isKnownHost(reference.registry, hosts));
}

/** Whole, after the first `=`, in lists of either, and, in scripts, wherever a known registry is named. */
function argument(text: string, label: string | undefined, hosts: ReadonlySet<string>): readonly Found[] {
  if (/\s/.test(text.trim())) {
    const words = text.split(/[\s"';]+/).flatMap((word) => {
      const [, name, value] = OPTION.exec(word) ?? [];
      return name !== undefined && value !== undefined && namesImage(name) ? whole(value, 'image', 'argument') : [];
    });
    return unique([...words, ...scanText(text, hosts).map((reference): Found => ({ reference, rule: 'argument' }))]);
  }
  const [, name, value] = OPTION.exec(text) ?? [];
  const option = name ?? label ?? '';
  const found = (value ?? text)
    .split(',')
    .flatMap((part) => [part, part.slice(part.indexOf('=') + 1)])
    .flatMap((part) => whole(part, namesImage(option) ? 'image' : 'any', 'argument'));
  return unique(found);
}

/** Any token with host and tag; the whole value where the variable is called after an image. */
function variable(text: string, name: string, hosts: ReadonlySet<string>): readonly Found[] {
  const found = namesImage(name) ? whole(text, 'image', 'environment') : [];
  if (found.length > 0) return found;
  const tokens = text.split(/[\s,;"'[\]{}]+/).flatMap((token) => {
    const value = /^[\w.-]+=/.test(token) ? token.slice(token.indexOf('=') + 1) : token;
    return whole(value, 'any', 'environment');
  });
  const scanned = scanText(text, hosts).map((reference): Found => ({ reference, rule: 'environment' }));
  return unique([...tokens, ...scanned]);
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

/** Text within a resource that is YAML or JSON itself: configurations, values, whole manifests. */
import { MAX_YAML_LENGTH, readYaml } from '../../base/yaml-source.ts';
import { AirgapError } from '../../errors.ts';
import { isMapping } from '../resources/yaml-documents.ts';

/** Several lines, the brackets of JSON, or a pod in one line: what a sentence or a name does not look like. */
const LOOKS_STRUCTURED = /^\s*[[{]|\n|ontainers: *\[/;

/** The mappings and lists that a text holds; none where it is anything else, or too long to be read so. */
export function readEmbedded(text: string): readonly unknown[] {
  if (!LOOKS_STRUCTURED.test(text) || text.length > MAX_YAML_LENGTH) return [];
  try {
    return readYaml(text, 'text', { merge: true })
      .map(({ value }) => value)
      .filter((value) => isMapping(value) || Array.isArray(value));
  } catch (error) {
    // Scripts, templates and properties are no YAML: they are read as text.
    if (error instanceof AirgapError) return [];
    throw error;
  }
}

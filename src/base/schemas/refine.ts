/** Lets the parsers of other layers check fields of a schema, with their own messages. */
import type { z } from 'zod';
import { AirgapError } from '../../errors.ts';

/** A zod check that runs a throwing parser and keeps the parser's own hint beside its message. */
export function refineWith(parse: (text: string) => unknown): z.core.CheckFn<string> {
  return (payload) => {
    try {
      parse(payload.value);
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      payload.issues.push({
        code: 'custom',
        message: error.message,
        input: payload.value,
        params: { hint: error.hint },
      });
    }
  };
}

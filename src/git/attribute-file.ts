import { ThetaError } from '../errors';

const todo = (): never => {
  throw new ThetaError('ERR_THETA_INTERNAL', 'not built yet');
};
/** One rule of a `.gitattributes` file; `pattern` unquoted. */
export interface AttributeRule {
  pattern: string;
  attributes: string[];
}
/** A `.gitattributes` file that keeps every byte that it is not asked to change. */
export class AttributeFile {
  static parse(_bytes: Uint8Array): AttributeFile {
    return todo();
  }
  rules(): AttributeRule[] {
    return todo();
  }
  has(_rule: AttributeRule): boolean {
    return todo();
  }
  /** Appends, or replaces the line of this pattern in place where its attributes name the same keys. True when something changed. */
  add(_rule: AttributeRule, _o: { quote?: boolean } = {}): boolean {
    return todo();
  }
  /** Removes all lines that satisfy `which`; how many. */
  remove(_which: (rule: AttributeRule) => boolean): number {
    return todo();
  }
  toBuffer(): Buffer {
    return todo();
  }
}
/** Escapes glob characters and a leading `!` or `#`: a pattern that matches exactly this path. */
export function literalPattern(_path: string): string {
  return todo();
}
/** As it stands in the file, quoted where git needs it. */
export function printPattern(_pattern: string, _o: { quote?: boolean } = {}): string {
  return todo();
}
/** An absent file is an empty one. */
export function readAttributes(_file: string): Promise<AttributeFile> {
  return todo();
}
/** Atomic; an empty file is removed. */
export function writeAttributes(_file: string, _content: AttributeFile): Promise<void> {
  return todo();
}

// What the component imports, as wit/ has it: a module for each interface, names in camelCase.
declare module 'wasi:config/store@0.2.0-rc.1' {
  /** The value of a variable under [component.NAME.variables]. */
  export function get(key: string): string | undefined;
}

declare module 'wasi:logging/logging@0.1.0-draft' {
  export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'critical';
  export function log(level: Level, context: string, message: string): void;
}

/** Entry of a process that lives for one question: takes TypeScript, answers with JavaScript. */
import { stripTypeScriptTypes } from 'node:module';

export type StripQuestion = readonly string[];
export type StripAnswer = readonly string[];

process.once('message', (sources: StripQuestion) => {
  process.send!(sources.map((source) => stripTypeScriptTypes(source)));
});

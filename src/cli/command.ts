/** The library that reads command lines. */
export { Command, CommanderError } from 'commander';

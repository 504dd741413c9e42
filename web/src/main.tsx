document.title="x"; export {};

/** Answers that pdfsluice did not write: those of proxies and firewalls in front of it. */
/**
 * What an answer means that is no problem document.
 *
 * @param {number} status
 * @returns {{message: string, hint: string}}
 */
export declare function foreignAnswer(status: number): {
    message: string;
    hint: string;
};

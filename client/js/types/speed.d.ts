/** Speed over the last seconds. */
export declare class SpeedMeter {
    #private;
    /**
     * Note how many bytes have arrived by now.
     *
     * @param {number} bytes Total so far; a smaller one than before starts again.
     * @param {number} [at] Milliseconds.
     */
    add(bytes: number, at?: number): void;
    reset(): void;
    /** Bytes per second; 0 while unknown. */
    get bytesPerSecond(): number;
}

/** What the tests measure. */
public class Shop implements Runnable {
    int twice(int n) {
        if (n < 0) {
            return 0;
        }
        return n * 2;
    }
    public void run() {
        twice(2);
    }
}

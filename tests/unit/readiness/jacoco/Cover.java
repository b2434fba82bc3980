import java.io.*;
import java.nio.file.*;
import org.jacoco.core.analysis.*;
import org.jacoco.core.data.*;
import org.jacoco.core.instr.*;
import org.jacoco.core.runtime.*;
import org.jacoco.report.xml.*;

/** Runs Shop, instrumented by JaCoCo, and has JaCoCo write its report. */
class Cover {
    public static void main(String[] given) throws Exception {
        byte[] plain = Files.readAllBytes(Path.of("Shop.class"));
        IRuntime runtime = new LoggerRuntime();
        byte[] counted = new Instrumenter(runtime).instrument(plain, "Shop");
        RuntimeData data = new RuntimeData();
        runtime.startup(data);
        Class<?> shop = new ClassLoader() {
            Class<?> defined() { return defineClass("Shop", counted, 0, counted.length); }
        }.defined();
        ((Runnable) shop.getDeclaredConstructor().newInstance()).run();
        ExecutionDataStore executed = new ExecutionDataStore();
        SessionInfoStore sessions = new SessionInfoStore();
        data.collect(executed, sessions, false);
        runtime.shutdown();
        CoverageBuilder found = new CoverageBuilder();
        new Analyzer(executed, found).analyzeClass(plain, "Shop");
        try (OutputStream out = new FileOutputStream("jacoco.xml")) {
            var visitor = new XMLFormatter().createVisitor(out);
            visitor.visitInfo(sessions.getInfos(), executed.getContents());
            visitor.visitBundle(found.getBundle("shop"), null);
            visitor.visitEnd();
        }
    }
}

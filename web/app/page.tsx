export default function Home() {
  return <h1>Realrouter</h1>;
}
